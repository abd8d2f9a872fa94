import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parsePipeline } from '@tributary/shared';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MarkFile } from '../../src/library/mark-file.js';

const config = (name = 'one', dataset = 'orders') =>
  parsePipeline(
    `
name: ${name}
entities: { order: { dataset: ${dataset}, queue: orders, key: id, fields: { id: string } } }
endpoints: { orders: { url: "http://127.0.0.1:1", entity: order } }`,
    {},
    'test.yaml',
  );
const NONE: ReadonlySet<string> = new Set();
const marks = (time: number, endpoints: Record<string, string>) => ({ time, endpoints });

describe('a file of marks', () => {
  let output: string;
  const part = (name: string, content: string, dataset = 'orders') => {
    for (const folder of [dataset, join('.tributary', 'begun', dataset)])
      mkdirSync(join(output, folder), { recursive: true });
    writeFileSync(join(output, dataset, name), content);
    writeFileSync(join(output, '.tributary', 'begun', dataset, name), '');
  };
  const open = (of = config()) => new MarkFile(output, of);
  const read = async (of = config()) => (await open(of).read()).endpoints;

  beforeEach(async () => {
    output = mkdtempSync(join(tmpdir(), 'tributary-marks-'));
    part('part-a-1.csv', 'abc');
    writeFileSync(join(output, '.tributary', 'sink-id'), 'sink');
    await open().write(marks(5, { orders: 'reached' }), NONE);
  });
  afterEach(() => rmSync(output, { recursive: true }));

  test('is read as it was written, also when parts have been added', async () => {
    expect(await open().read()).toEqual(marks(5, { orders: 'reached' }));
    part('part-b-1.csv', 'def');
    expect(await read()).toEqual({ orders: 'reached' });
    expect(readdirSync(join(output, '.tributary', 'marks'))).toEqual(['one.json']);
  });

  test.each<[string, () => void]>([
    ['a part is gone', () => rmSync(join(output, 'orders', 'part-a-1.csv'))],
    ['a part is shorter', () => part('part-a-1.csv', 'ab')],
    ['a part is longer', () => part('part-a-1.csv', 'abcd')],
    [
      'a later part was begun and is gone',
      () => {
        part('part-b-1.csv', 'x');
        rmSync(join(output, 'orders', 'part-b-1.csv'));
      },
    ],
    ['the output has another name', () => writeFileSync(join(output, '.tributary', 'sink-id'), 'another')],
    ['the output has lost its name', () => rmSync(join(output, '.tributary', 'sink-id'))],
    ['the parts were moved', () => renameSync(join(output, 'orders'), join(output, 'old'))],
    ...['', '{', '[]', 'null', '{"time":1}', '{"time":1,"groups":[1,{},{"output":{},"marks":{}}]}'].map(
      (text): [string, () => void] => [
        `it holds ${JSON.stringify(text)}`,
        () => writeFileSync(join(output, '.tributary', 'marks', 'one.json'), text),
      ],
    ),
  ])('counts for nothing when %s', async (_what, change) => {
    change();
    expect(await read()).toEqual({});
  });

  test('is of one pipeline', async () => {
    expect(await read(config('two'))).toEqual({});
    await open(config('two')).write(marks(6, { orders: 'of two' }), NONE);
    expect(await read()).toEqual({ orders: 'reached' });
  });

  test('keeps the older mark of an endpoint that is withheld, and of one that it does not know', async () => {
    const file = open();
    await file.read();
    part('part-b-1.csv', 'more');
    await file.write(marks(6, { orders: 'too far', items: 'new' }), new Set(['orders']));
    expect(await read()).toEqual({ orders: 'reached', items: 'new' });
    const next = open();
    await next.read();
    await next.write(marks(7, { items: 'newer' }), NONE);
    expect(await read()).toEqual({ orders: 'reached', items: 'newer' });
    // What it was reached with is still asked for.
    part('part-a-1.csv', 'ab');
    expect(await read()).toEqual({});
  });

  test('is given up when something was deleted meanwhile', async () => {
    const file = open();
    await file.read();
    rmSync(join(output, 'orders', 'part-a-1.csv'));
    await file.write(marks(6, { orders: 'further' }), NONE);
    expect(await read()).toEqual({});
    rmSync(join(output, '.tributary'), { recursive: true });
    await file.write(marks(7, { orders: 'further' }), NONE);
    expect(await read()).toEqual({});
  });
});
