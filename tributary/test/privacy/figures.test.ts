import { expect, it } from 'vitest';
import { madeTables } from './make.js';
import { type Counted, measured, precisionOf, recallOf } from './measure.js';

const { FIGURES, SEED = '19' } = process.env;

/**
 * How well the scan finds what is in made records of five languages. `FIGURES=10000 npx vitest run --project unit tributary/test/privacy/figures.test.ts`
 * prints what docs/privacy.md tells (FIGURES=mistakes: what was wrong too).
 */
it('finds nearly all of what columns tell by their names, and most without, with few that are none', () => {
  const tables = madeTables(Number(SEED), FIGURES === undefined ? 1_000 : 10_000);
  const telling = measured(tables.filter(({ columns }) => !Object.hasOwn(columns, 'c0')));
  const silent = measured(tables.filter(({ columns }) => Object.hasOwn(columns, 'c0')));
  if (FIGURES !== undefined) for (const [words, one] of Object.entries({ telling, silent })) print(words, one);
  expect(precisionOf(telling.any)).toBeGreaterThan(0.9);
  expect(recallOf(telling.any)).toBeGreaterThan(0.9);
  expect(precisionOf(silent.any)).toBeGreaterThan(0.9);
  expect(recallOf(silent.any)).toBeGreaterThan(0.6);
});

function print(words: string, { any, byKind, mistakes }: ReturnType<typeof measured>): void {
  const percent = (part: number) => `${(100 * part).toFixed(1)} %`.padStart(8);
  const row = (what: string, one: Counted) =>
    `  ${what.padEnd(18)} precision ${percent(precisionOf(one))}  recall ${percent(recallOf(one))}`;
  const rows = [...byKind].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([kind, one]) => row(kind, one));
  const wrong = FIGURES === 'mistakes' ? [...mistakes].map(([mistake, count]) => `    ${count} × ${mistake}`) : [];
  process.stdout.write(`${[`${words}:`, row('of people at all', any), ...rows, ...wrong].join('\n')}\n`);
}
