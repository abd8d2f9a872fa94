import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { SampleRow } from '../../../dashboard/test/sample.js';
import { exportStage, hidden, wholeRuns } from './support.js';

const PRIVACY =
  'privacy: { quasi: { points: [{ bucket: 10 }, { bucket: 100 }] }, k: 5, sensitive: [active], l: 2, suppressAtMost: 5%, keep: [balance] }';

/** 40 in groups of ten by the bucket of 10, and some alone. */
const people = (alone: number): SampleRow[] =>
  Array.from({ length: 40 + alone }, (_, index) => ({
    key: `C-${index}`,
    at: index,
    values: {
      name: `N${index}`,
      spent: 1,
      balance: '1.50',
      points: index < 40 ? index : 1_000 * index,
      active: index % 2 === 0,
    },
  }));

test('an export with privacy writes coarser columns without who is alone, and its manifest tells it', async () => {
  const { out, run } = await exportStage(
    people(2),
    `  set: { dataset: customers, format: ndjson, to: $OUT, ${PRIVACY} }`,
  );
  await run();
  const [manifest] = wholeRuns(join(out, 'set'));
  expect(manifest?.privacy).toMatchObject({
    k: 5,
    l: 2,
    quasi: [{ column: 'points', level: 1, of: 3, made: 'buckets of 10' }],
    rows: 42,
    suppressed: 2,
    smallestGroup: 10,
    fewestValues: 2,
  });
  expect(manifest?.privacy?.leftOut).toContain('name');
  const [first, ...rows] = readFileSync(join(out, 'set', manifest?.run ?? '', 'set.ndjson'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(rows).toHaveLength(39);
  expect(Object.keys(first ?? {}).sort()).toEqual(['active', 'balance', 'points']);
  expect(first?.points).toMatch(/^\d+-\d+$/);
});

test('an export with privacy that would leave out too many makes the columns coarser still, in several Parquet files too', async () => {
  const split = 'split: { train: 0.5, test: 0.5, by: balance }';
  const { out, run } = await exportStage(people(8), `  set: { dataset: customers, to: $OUT, ${PRIVACY}, ${split} }`);
  await run();
  const [manifest] = wholeRuns(join(out, 'set'));
  expect(manifest?.privacy).toMatchObject({ quasi: [{ level: 3, made: 'all alike' }], suppressed: 0, rows: 48 });
  expect(manifest?.rows).toBe(48);
});

test('an export whose privacy cannot be had says so, and leaves nothing behind', async () => {
  const { out, run } = await exportStage(people(0).slice(0, 3), `  set: { dataset: customers, to: $OUT, ${PRIVACY} }`);
  await expect(run()).rejects.toThrow(/privacy cannot be had \(k: 5, l: 2\): of 3 rows/);
  expect(wholeRuns(join(out, 'set'))).toEqual([]);
  expect(await hidden(join(out, 'set'))).toEqual([]);
});
