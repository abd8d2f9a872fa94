import { expect, it } from 'vitest';
import { knownRuns, MOST_FOUND } from '../../src/exports/known-runs.js';
import type { Manifest } from '../../src/exports/manifest.js';
import { newest } from '../../src/exports/targets/newest.js';

const runAt = (day: number) => `2026${String(1000 + day)}T030000000Z-00000000`;
const manifestOf = (run: string) => ({ run, rows: 1, files: [], writtenAt: '2026-01-01T00:00:00Z' }) as unknown;
const past = (run: string) => ({
  run,
  by: 'schedule',
  instance: 'one',
  begunAt: '2026-01-01T00:00:00Z',
  endedAt: '2026-01-01T00:00:01Z',
  rows: 1,
  bytes: 1,
  place: 'here',
  why: undefined,
});

it('reads the newest manifests alone, and goes on behind what is none of ours', async () => {
  const read: string[] = [];
  const found = await newest(['a', 'b', 'c', 'd', 'e'], 2, async (run) => {
    read.push(run);
    return run === 'd' ? undefined : (manifestOf(run) as Manifest);
  });
  expect(found.map(({ run }) => run)).toEqual(['c', 'e']);
  expect(read).toEqual(['e', 'd', 'c']);
});

it('does not say that a run is gone which was not looked for', () => {
  const found = Array.from({ length: MOST_FOUND }, (_, day) => manifestOf(runAt(10 + day)) as Manifest);
  const kept = (run: string, there = found) =>
    knownRuns([past(run)], there, 'here').find((one) => one.run === run)?.isKept;
  expect([kept(runAt(12)), kept(runAt(200)), kept(runAt(3))]).toEqual([true, false, undefined]);
  expect(kept(runAt(3), found.slice(1))).toBe(false);
  expect(knownRuns([past(runAt(12))], undefined, 'here')[0]?.isKept).toBeUndefined();
});
