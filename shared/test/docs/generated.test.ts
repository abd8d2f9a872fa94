import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { type Node, schemaForEditors, schemaForReading } from '../../src/docs/json-schema.js';
import { generatedDocuments } from '../../src/docs/page.js';

const read = (path: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), 'utf8');

test.each(Object.entries(generatedDocuments()))(
  '%s is what the schemas say; if not, run: npm run docs',
  (path, text) => {
    expect(read(path)).toBe(text);
  },
);

test('every setting of the pipeline file has a description', () => {
  const silent: string[] = [];
  const look = (node: unknown, path: string): void => {
    if (typeof node !== 'object' || node === null) return;
    for (const [keyword, value] of Object.entries(node as Node)) look(value, `${path}/${keyword}`);
    for (const [name, setting] of Object.entries((node as Node).properties ?? {})) {
      if (typeof setting !== 'object' || !setting.description) silent.push(`${path}/${name}`);
    }
  };
  look(schemaForReading(), '');
  expect(silent).toEqual([]);
});

describe("the editors' schema", () => {
  const schema = z.fromJSONSchema(schemaForEditors());
  const shipped = read('pipeline.yaml');

  test('takes the shipped pipeline, variables and all', () => {
    expect(schema.safeParse(parse(shipped)).error).toBeUndefined();
  });

  test.each([
    ['a setting that does not exist', 'batch:', 'butch:'],
    ['a kind that does not exist', 'type: cursor', 'type: kursor'],
    ['a duration without a unit', 'overlap: 5s', 'overlap: 5 s'],
    ['a setting of another type', 'history: false', 'history: sometimes'],
  ])('refuses %s', (_what, right, wrong) => {
    expect(schema.safeParse(parse(shipped.replace(right, wrong))).success).toBe(false);
  });
});
