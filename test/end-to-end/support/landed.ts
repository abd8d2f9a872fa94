import { expect } from 'vitest';
import { cellOf } from './content.js';
import { eventually } from './eventually.js';
import type { ExpectedRow, ExpectedRows } from './join.js';
import { historyOf, type OutputRow, readRows } from './output.js';

/** Every row of every dataset of the demo. */
export type DemoRows = Readonly<Record<keyof ExpectedRows, readonly OutputRow[]>>;

export async function readDemoRows(folder: string): Promise<DemoRows> {
  return {
    customers: await readRows(folder, 'customers'),
    inventory: await readRows(folder, 'inventory'),
    customer_inventory: await readRows(folder, 'customer_inventory'),
  };
}

export const countRows = (rows: DemoRows): Record<string, number> =>
  Object.fromEntries(Object.entries(rows).map(([dataset, { length }]) => [dataset, length]));

export const countExpected = (expected: ExpectedRows): Record<string, number> =>
  Object.fromEntries(Object.entries(expected).map(([dataset, { size }]) => [dataset, size]));

/** The newest row of each key is what it should be: no record missing, none too many, content and hash right. */
export function expectNewest(rows: DemoRows, expected: ExpectedRows): void {
  for (const dataset of Object.keys(expected) as (keyof ExpectedRows)[]) {
    expect(newestOf(rows[dataset]), dataset).toEqual(shown(expected[dataset], rows[dataset]));
  }
}

/** Everything the CRM has lands, sooner or later, and nothing that landed is there twice. */
export async function expectAllLanded(folder: string, expected: ExpectedRows): Promise<void> {
  await eventually(async () => expectNewest(await readDemoRows(folder), expected), 500);
  expectNoDuplicates(await readDemoRows(folder));
}

/** No message made the same row twice, and no row repeats the content of the one before it. */
export function expectNoDuplicates(rows: DemoRows): void {
  for (const [dataset, found] of Object.entries(rows)) {
    expect(repeatsIn(found), `rows of ${dataset} that are there twice`).toEqual([]);
  }
}

export function repeatsIn(rows: readonly OutputRow[]): OutputRow[] {
  return [...historyOf(rows).values()].flatMap((history) =>
    history.filter(({ messageId, hash }, index) => {
      const before = history[index - 1];
      return before?.hash === hash || before?.messageId === messageId;
    }),
  );
}

type Shown = Readonly<Record<string, { readonly hash: string; readonly cells: Readonly<Record<string, string>> }>>;

/** What a person compares: by key, without the closed ones. */
function newestOf(rows: readonly OutputRow[]): Shown {
  const newest = [...historyOf(rows)].map(([key, history]) => [key, history.at(-1)] as const);
  return Object.fromEntries(
    newest.flatMap(([key, row]) =>
      row === undefined || row.deleted ? [] : [[key, { hash: row.hash, cells: row.cells }]],
    ),
  );
}

/** The same of what is expected: every column has a cell, an empty one where there is nothing. */
function shown(expected: ReadonlyMap<string, ExpectedRow>, rows: readonly OutputRow[]): Shown {
  const columns = [...new Set(rows.flatMap(({ cells }) => Object.keys(cells)))];
  return Object.fromEntries(
    [...expected].map(([key, { values, hash }]) => {
      const cells = columns.map((column) => [column, cellOf(values[column])]);
      return [key, { hash, cells: Object.fromEntries(cells) }];
    }),
  );
}
