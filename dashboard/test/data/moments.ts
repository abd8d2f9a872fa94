import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Dashboard } from '../../src/index.js';
import type { SampleRow } from '../sample.js';

/** A dashboard that runs over a sink to which rows come all the time. */
export interface BusyDashboard {
  readonly dashboard: Dashboard;
  /** Adds rows to `customers`, as the consumer's sink would. */
  write(rows: readonly SampleRow[]): Promise<void>;
  close(): Promise<void>;
}

interface Facet {
  readonly column: string;
  readonly values: readonly { readonly value: unknown; readonly count: number }[];
  readonly more: number;
}
interface Page {
  readonly columns: readonly { readonly name: string }[];
  readonly rows: readonly (readonly unknown[])[];
  readonly total: number;
  readonly facets: readonly Facet[] | null;
}

/**
 * Whether some rows are those that match among the newest of each key, at the end of the write before `earliest`, or after any row that
 * followed.
 */
function isOfOneMoment(
  found: readonly Readonly<Record<string, unknown>>[],
  written: readonly SampleRow[],
  earliest: number,
  matches: (row: SampleRow) => boolean,
): boolean {
  const names = new Map(found.map(({ _key, name }) => [String(_key), name]));
  const wrong = new Set(names.keys());
  for (const [place, row] of written.entries()) {
    // What is not named by a test has the name that is made up for it.
    const name = row.values?.name ?? `Customer ${row.key}`;
    const isRight = matches(row) ? names.get(row.key) === name : !names.has(row.key);
    if (isRight) wrong.delete(row.key);
    else wrong.add(row.key);
    if (wrong.size === 0 && place + 1 + ROWS_OF_A_WRITE >= earliest) return names.size === found.length;
  }
  return false;
}

/** Keys that are there from the first and change all the time. */
const KEYS = 300;
/** The last rows that were noted may not be written yet. */
const ROWS_OF_A_WRITE = KEYS + 2;
/** Milliseconds: each test asks a dozen times for all rows, while others are written. */
const PATIENCE = 180_000;
const NOTES = ['red', 'green', 'blue'];

/**
 * What is asked of a running dashboard while rows arrive is answered as of one moment.
 * @param versions how many versions each key has at first: so many that a search takes a while
 */
export function describeMoments(sink: string, versions: number, open: () => Promise<BusyDashboard>): void {
  describe(`answers over ${sink} while rows arrive`, { timeout: PATIENCE }, () => {
    let busy: BusyDashboard;
    let at = 0;
    let fresh = 0;
    let writing: Promise<void>;
    let failure: unknown;
    let over = false;
    /** All rows in the order in which they were written. */
    let written: SampleRow[] = [];

    /** A new version of every key, and some keys that are new. Half of all names hold a needle. */
    const versionOfAll = (): SampleRow[] => {
      at += 1 / 1024;
      const values = (index: number) => ({
        name: `${Math.random()} ${index % 2 === Math.floor(at * 1024) % 2 ? 'needle' : 'hay'}`,
        note: NOTES[Math.floor(Math.random() * NOTES.length)],
      });
      const known = Array.from({ length: KEYS }, (_, index) => ({ key: `k-${index}`, at, values: values(index) }));
      const added = Array.from({ length: 2 }, () => ({ key: `f-${fresh++}`, at, values: { note: 'fresh' } }));
      return [...known, ...added];
    };
    const write = async (): Promise<void> => {
      const rows = versionOfAll();
      // Noted before: a row may be read as soon as it is written.
      written.push(...rows);
      await busy.write(rows);
    };

    beforeEach(async () => {
      busy = await open();
      written = [];
      for (let version = 0; version < versions; version++) await write();
      // All is read once, so that what comes now is read while an answer is made.
      await ask('');
      over = false;
      failure = undefined;
      writing = (async () => {
        while (!over) {
          await write();
          await ask('');
          await sleep(1);
        }
      })().catch((error: unknown) => {
        failure = error;
      });
    }, PATIENCE);
    afterEach(async () => {
      over = true;
      await writing;
      await busy.close();
      expect(failure).toBeUndefined();
    }, PATIENCE);

    const address = (path: string) => `${busy.dashboard.url}/api/datasets/customers${path}`;
    async function ask<T>(path: string): Promise<T> {
      const response = await fetch(address(path));
      expect(response.status).toBe(200);
      return (await response.json()) as T;
    }
    async function download(query: string): Promise<Record<string, unknown>[]> {
      const response = await fetch(address(`.ndjson?${query}`));
      expect(response.status).toBe(200);
      const lines = (await response.text()).split('\n').filter(Boolean);
      return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    }
    /** A condition that all rows meet, and another one for each call: no answer is one that was kept. */
    let asked = 0;
    const everything = () =>
      `where=${encodeURIComponent(`updatedAt:above:2001-01-01T00:00:00.${String(++asked).padStart(3, '0')}Z`)}`;
    const sumOf = (facets: readonly Facet[] | null, column: string) => {
      const found = facets?.find((facet) => facet.column === column);
      expect(found?.more).toBe(0);
      return found?.values.reduce((sum, { count }) => sum + count, 0);
    };

    it('are downloads that hold rows of the selection alone, and each key once', async () => {
      for (let attempt = 0; attempt < 12; attempt++) {
        const rows = await download(`where=name:contains:needle&${everything()}`);
        expect(rows.filter(({ name }) => !String(name).includes('needle'))).toEqual([]);
        const keys = rows.map(({ _key }) => _key);
        expect(new Set(keys).size).toBe(keys.length);
      }
    });

    it('are downloads that hold just what a plain scan of all rows finds that were there at one moment', async () => {
      for (let attempt = 0; attempt < 12; attempt++) {
        const before = written.length;
        const wanted = ['needle', 'hay', ' 0', 'fresh', '0.5 hay'][attempt % 5] ?? '';
        const query = wanted === 'fresh' ? 'where=note:is:fresh' : `where=name:contains:${encodeURIComponent(wanted)}`;
        const matches = ({ values }: SampleRow) =>
          wanted === 'fresh' ? values?.note === 'fresh' : String(values?.name).includes(wanted);
        const rows = await download(`${query}&${everything()}`);
        expect(isOfOneMoment(rows, written, before, matches)).toBe(true);
      }
    });

    it('are downloads that lack no key whose record has changed meanwhile', async () => {
      for (let attempt = 0; attempt < 12; attempt++) {
        const rows = await download(`search=k-&${everything()}`);
        expect(rows.filter(({ _key }) => String(_key).startsWith('k-'))).toHaveLength(KEYS);
      }
    });

    it('are pages whose rows, number and facets agree, in any order', async () => {
      for (let attempt = 0; attempt < 12; attempt++) {
        const sort = ['', '&sort=name', '&sort=-updatedAt'][attempt % 3];
        const page = await ask<Page>(`/rows?search=k-&limit=500&facets=true${sort}&${everything()}`);
        expect(page.rows).toHaveLength(Math.min(500, page.total));
        expect(sumOf(page.facets, 'note')).toBe(page.total);
        const fresh = await ask<Page>(`/rows?limit=500&where=note:is:fresh&${everything()}`);
        expect(fresh.rows).toHaveLength(Math.min(500, fresh.total));
        const all = await ask<Page>(`/rows?limit=500&facets=true`);
        expect(all.rows).toHaveLength(Math.min(500, all.total));
        expect(sumOf(all.facets, 'note')).toBe(all.total);
      }
    });

    it('are facets that add up to the number of the rows', async () => {
      for (let attempt = 0; attempt < 12; attempt++) {
        const found = await ask<{ facets: Facet[]; total: number }>(`/facets?search=k-&${everything()}`);
        expect(sumOf(found.facets, 'note')).toBe(found.total);
        expect(found.total).toBeGreaterThanOrEqual(KEYS);
      }
    });
  });
}
