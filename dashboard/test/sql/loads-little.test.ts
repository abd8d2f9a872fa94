import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

/** What a module loads before it runs: no types, and nothing that it imports later. */
const IMPORT = /^import (?!type\b)[^;]*?'([^']+)';/gms;

/** The packages that a module loads, by itself and by the files that it imports. */
function packagesOf(file: URL, seen = new Set<string>()): Set<string> {
  if (seen.has(file.href)) return new Set();
  seen.add(file.href);
  const names = [...readFileSync(file, 'utf8').matchAll(IMPORT)].map(([, name = '']) => name);
  return new Set(
    names.flatMap((name) =>
      name.startsWith('.') ? [...packagesOf(new URL(name.replace(/\.js$/, '.ts'), file), seen)] : [name],
    ),
  );
}

const packages = (file: string) =>
  [...packagesOf(new URL(`../../src/sql/${file}`, import.meta.url))].filter((name) => !name.startsWith('node:'));

it.each([
  ['child.ts', []],
  ['duckdb/ask.ts', ['@duckdb/node-api']],
  ['postgres/ask.ts', ['pg']],
])('lets a query wait for no package in its process but the one that asks: %s', (file, expected) => {
  expect(packages(file)).toEqual(expected);
});
