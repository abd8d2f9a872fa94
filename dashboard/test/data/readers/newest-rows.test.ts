import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, systemClock } from '@tributary/shared';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createCsvReader } from '../../../src/data/readers/csv/reader.js';
import type { View } from '../../../src/data/readers/port.js';
import {
  appendRows,
  customerHeader,
  customerLines,
  partPath,
  type SampleRow,
  sampleConfig,
  writePart,
} from '../../sample.js';
import { records } from './conformance.js';

const log = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });
const never = new AbortController().signal;

const PARTS = ['one', 'two', 'three'] as const;
type Part = (typeof PARTS)[number];

const row = fc.record({
  key: fc.constantFrom('a', 'b', '=c', "'d\n;=e"),
  // No two rows have one time: which of two equal ones is the newest would depend on the order in which parts are read.
  part: fc.constantFrom(...PARTS),
  at: fc.integer({ min: 1, max: 1_000_000 }),
  deleted: fc.boolean(),
});
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ does: fc.constant('append' as const), rows: fc.array(row, { maxLength: 8 }) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('remove' as const), part: fc.constantFrom(...PARTS) }) },
  {
    weight: 1,
    arbitrary: fc.record({ does: fc.constant('rewrite' as const), part: fc.constantFrom(...PARTS), kept: fc.nat(5) }),
  },
);

it.each([
  { how: 'read line by line', sizes: undefined },
  { how: 'read by DuckDB, some pieces at the same time', sizes: { few: 100, most: 500 } },
])(
  'agrees with sorting and grouping the rows of all parts, which grow, go away and are rewritten: $how',
  async ({ sizes }) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 5 }), async (steps) => {
        const directory = await mkdtemp(join(tmpdir(), 'newest-'));
        const reader = createCsvReader(sampleConfig(directory), systemClock, log, undefined, sizes);
        const parts = new Map<Part, SampleRow[]>();
        const times = new Set<number>();
        try {
          for (const one of steps) {
            if (one.does === 'append') {
              for (const { part, at, ...rest } of one.rows) {
                if (times.has(at)) continue;
                times.add(at);
                const added = { ...rest, at: at / 1_000_000 };
                const known = parts.get(part);
                if (known === undefined) await writePart(directory, [added], part);
                else await appendRows(directory, [added], part);
                parts.set(part, [...(known ?? []), added]);
              }
            } else if (one.does === 'remove') {
              await rm(partPath(directory, one.part), { force: true });
              parts.delete(one.part);
            } else if (parts.has(one.part)) {
              const kept = (parts.get(one.part) ?? []).slice(0, one.kept);
              const path = partPath(directory, one.part);
              await writeFile(`${path}.new`, customerHeader(directory) + (await customerLines(directory, kept)));
              await rename(`${path}.new`, path);
              parts.set(one.part, kept);
            }
            await expectSame([...parts.values()].flat());
          }
        } finally {
          await reader.close();
          await rm(directory, { recursive: true });
        }

        async function expectSame(rows: readonly SampleRow[]): Promise<void> {
          const newest = new Map<string, SampleRow>();
          for (const one of rows) if (one.at > (newest.get(one.key)?.at ?? 0)) newest.set(one.key, one);
          const live = [...newest.values()].filter(({ deleted }) => deleted !== true);
          const keysOf = (some: readonly SampleRow[]) => some.toSorted((a, b) => b.at - a.at).map(({ key }) => key);
          expect(await shown('history')).toEqual(keysOf(rows));
          expect(await shown('latest')).toEqual(keysOf(live));
          expect((await reader.list())[0]).toMatchObject({ rows: rows.length, keys: live.length });
        }

        async function shown(view: View): Promise<unknown[]> {
          const query = { view, search: '', where: [], sort: undefined, offset: 0, limit: 500 } as const;
          return records(await reader.rows('customers', query, never)).map(({ _key }) => _key);
        }
      }),
      { numRuns: 6 },
    );
    // Each run makes a database, which takes its time on a busy machine.
  },
  180_000,
);
