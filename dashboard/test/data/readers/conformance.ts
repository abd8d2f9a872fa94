import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Comparison, DatasetReader, RowPage, View } from '../../../src/data/readers/port.js';
import { collect, type SampleRow } from '../../sample.js';

/** A reader over a sink that the suite may write to. */
export interface ReaderHarness {
  readonly reader: DatasetReader;
  /** Adds rows to `customers`, as the consumer's sink would. */
  write(rows: readonly SampleRow[]): Promise<void>;
  close(): Promise<void>;
}

const never = new AbortController().signal;

/** A row as an object, which reads better than positions. */
export const records = (page: RowPage | undefined): Record<string, unknown>[] =>
  (page?.rows ?? []).map((row) => Object.fromEntries(row.map((value, index) => [page?.columns[index]?.name, value])));

/** What every reader must do, for any sink. */
export function describeReader(name: string, open: () => Promise<ReaderHarness>): void {
  describe(`the ${name} reader`, () => {
    let harness: ReaderHarness;
    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());

    const page = (view: View, search = '', offset = 0, limit = 50) =>
      harness.reader.rows('customers', { view, search, where: [], sort: undefined, offset, limit }, never);
    const keys = async (...query: Parameters<typeof page>) => records(await page(...query)).map((row) => row._key);
    const summary = async () => (await harness.reader.list()).find((dataset) => dataset.name === 'customers');

    it('lists every dataset of the pipeline before anything is written', async () => {
      const datasets = await harness.reader.list();
      expect(datasets.map(({ name, rows, keys, lastWrittenAt }) => ({ name, rows, keys, lastWrittenAt }))).toEqual(
        ['customers', 'items', 'customer_items'].map((name) => ({ name, rows: 0, keys: 0, lastWrittenAt: null })),
      );
      expect(await page('latest')).toMatchObject({ rows: [], total: 0 });
    });

    it('counts rows and live keys, and gives a new revision when rows come', async () => {
      await harness.write([
        { key: 'a', at: 1 },
        { key: 'b', at: 2 },
      ]);
      const before = await summary();
      await harness.write([
        { key: 'a', at: 3 },
        { key: 'b', at: 4, deleted: true },
      ]);
      const after = await summary();
      expect(before).toMatchObject({ rows: 2, keys: 2 });
      expect(after).toMatchObject({ rows: 4, keys: 1, problems: [], indexing: null });
      expect(after?.revision).not.toBe(before?.revision);
      expect(after?.bytes).toBeGreaterThanOrEqual(before?.bytes ?? 0);
      expect((await summary())?.revision).toBe(after?.revision);
    });

    it('shows the latest row of each key by version, not by the order of writing', async () => {
      await harness.write([{ key: 'a', at: 5, values: { name: 'newer' } }]);
      await harness.write([{ key: 'a', at: 1, values: { name: 'older, written late' } }]);
      expect(records(await page('latest')).map((row) => row.name)).toEqual(['newer']);
      expect((await page('history'))?.total).toBe(2);
    });

    it('leaves out a key whose latest row is a tombstone, and shows it again when it comes back', async () => {
      await harness.write([
        { key: 'a', at: 1 },
        { key: 'a', at: 2, deleted: true },
      ]);
      expect(await keys('latest')).toEqual([]);
      const [tombstone] = records(await page('history'));
      expect(tombstone).toMatchObject({ _key: 'a', _deleted: true, name: null, id: null });
      await harness.write([{ key: 'a', at: 3, values: { name: 'back' } }]);
      expect(records(await page('latest')).map((row) => row.name)).toEqual(['back']);
    });

    it('finds a deleted record in the history alone, also one that never was there before', async () => {
      const red = { name: 'Anna', note: 'red', spent: 10 };
      await harness.write([
        { key: 'kept', at: 1, values: red },
        { key: 'too', at: 1, values: red },
        { key: 'blue', at: 1, values: { ...red, note: 'blue' } },
        { key: 'gone', at: 2, values: red },
        { key: 'gone', at: 3, deleted: true },
        { key: 'never', at: 4, deleted: true },
      ]);
      expect(await summary()).toMatchObject({ rows: 6, keys: 3 });
      expect((await keys('latest')).toSorted()).toEqual(['blue', 'kept', 'too']);
      expect((await keys('latest', 'anna')).toSorted()).toEqual(['blue', 'kept', 'too']);
      expect(await keys('latest', 'never')).toEqual([]);
      const where = [{ column: '_deleted', is: 'is', value: 'true' }] as const;
      const query = { search: '', where, sort: undefined, offset: 0, limit: 50 };
      const closed = async (view: View) => records(await harness.reader.rows('customers', { view, ...query }, never));
      expect((await closed('history')).map((row) => row._key)).toEqual(['never', 'gone']);
      expect(await closed('latest')).toEqual([]);
      const facets = await harness.reader.facets('customers', { view: 'latest', search: '', where: [] }, never);
      expect(facets?.facets.find(({ column }) => column === 'note')?.values).toEqual([
        { value: 'red', count: 2 },
        { value: 'blue', count: 1 },
      ]);
      const download = await harness.reader.download('customers', { view: 'latest', search: '', where: [] }, never);
      expect(await collect(download?.rows)).toHaveLength(3);
      expect((await harness.reader.versions('customers', 'never', 10, never))?.total).toBe(1);
    });

    it('shows what was written last first, and pages through it without loss or repetition', async () => {
      const rows = Array.from({ length: 23 }, (_, index) => ({ key: `k${index}`, at: index + 1 }));
      await harness.write(rows);
      const seen: unknown[] = [];
      for (let offset = 0; offset < 30; offset += 5) seen.push(...(await keys('latest', '', offset, 5)));
      expect(seen).toEqual(rows.map((row) => row.key).reverse());
      expect((await page('latest', '', 5, 5))?.total).toBe(23);
    });

    it('returns values of their type, text as it was sent, and null for nothing', async () => {
      const values = {
        name: 'quote " comma , newline \r\n end',
        note: '=cmd()',
        spent: 12.5,
        active: true,
        lines: [{ sku: 's"1', quantity: 2 }],
      };
      await harness.write([
        { key: '🦊', at: 1, values },
        { key: 'plain', at: 2 },
      ]);
      const [plain, odd] = records(await page('latest'));
      expect(JSON.stringify(odd?.lines)).toBe(JSON.stringify(values.lines));
      expect(odd).toMatchObject({ ...values, id: '🦊', _key: '🦊', _deleted: false, _written_at: time1 });
      expect(plain).toMatchObject({ note: null, spent: null, active: null, lines: null });
    });

    it('shows the beginning of a very long cell, and its length', async () => {
      await harness.write([{ key: 'a', at: 1, values: { note: `${'x'.repeat(999)}🦊${'y'.repeat(5_000_000)}` } }]);
      const found = await page('latest');
      expect(String(records(found)[0]?.note)).toHaveLength(1000);
      expect(String(records(found)[0]?.note).isWellFormed()).toBe(true);
      expect(found?.clipped).toEqual([{ row: 0, column: 'note', length: 5_001_001 }]);
    });

    it('finds rows in which every word occurs, in any column or the key, in any case', async () => {
      await harness.write([
        { key: 'c-1', at: 1, values: { name: 'Anna Meyer', note: 'says "HELLO", often' } },
        { key: 'c-2', at: 2, values: { name: 'Anna Schmidt', spent: 77 } },
        { key: 'c-3', at: 3, values: { name: 'Ömer', lines: [{ sku: 'SKU-9', quantity: 1 }] } },
      ]);
      expect(await keys('latest', 'anna')).toEqual(['c-2', 'c-1']);
      expect(await keys('latest', 'anna  MEYER')).toEqual(['c-1']);
      expect(await keys('latest', '"hello",')).toEqual(['c-1']);
      expect(await keys('latest', 'ömer')).toEqual(['c-3']);
      expect(await keys('latest', 'sku-9')).toEqual(['c-3']);
      expect(await keys('latest', '77')).toEqual(['c-2']);
      expect(await keys('latest', 'C-3')).toEqual(['c-3']);
      expect(await keys('latest', 'hash-of')).toEqual([]);
      expect((await page('latest', 'anna', 0, 1))?.total).toBe(2);
    });

    it('finds in a repeated search the rows that were written since the first', async () => {
      await harness.write([{ key: 'a', at: 1, values: { note: 'needle' } }]);
      expect(await keys('history', 'needle')).toEqual(['a']);
      await harness.write([
        { key: 'b', at: 2, values: { note: 'needle' } },
        { key: 'a', at: 3, values: { note: 'none' } },
      ]);
      expect(await keys('history', 'needle')).toEqual(['b', 'a']);
      expect(await keys('latest', 'needle')).toEqual(['b']);
    });

    it('gives back texts with what is invisible at their ends: a byte order mark, zero width, blanks', async () => {
      const texts = ['\ufeffmarked', '\ufeff', '\ufeff\ufefftwice', '\u200bzero', 'end\ufeff', ' blank '];
      // Each twice: a column whose values are all different is no facet.
      await harness.write(
        ['x', 'y'].flatMap((line) => texts.map((text, at) => ({ key: `${text}/${line}`, at, values: { note: text } }))),
      );
      const sorted = texts.toSorted();
      const twice = [...texts, ...texts].toSorted();
      expect(
        records(await page('latest'))
          .map(({ note }) => note)
          .toSorted(),
      ).toEqual(twice);
      const { facets = [] } =
        (await harness.reader.facets('customers', { view: 'latest', search: '', where: [] }, never)) ?? {};
      const values = facets.find(({ column }) => column === 'note')?.values ?? [];
      expect(values.map(({ value }) => String(value)).toSorted()).toEqual(sorted);
      const download = await harness.reader.download('customers', { view: 'latest', search: '', where: [] }, never);
      const note = download?.columns.indexOf('note') ?? -1;
      expect((await collect(download?.rows)).map((row) => row[note]).toSorted()).toEqual(twice);
      const found = await harness.reader.keys('customers', { place: 1, part: 'x' }, 10, never);
      expect(found?.keys.toSorted()).toEqual(texts.map((text) => `${text}/x`).toSorted());
      expect((await harness.reader.versions('customers', '\ufeffmarked/x', 10, never))?.total).toBe(1);
    });

    it('downloads the rows of a view as text, as of the moment of the call', async () => {
      await harness.write([
        { key: 'a', at: 1, values: { note: '=1+1' } },
        { key: 'b', at: 2 },
      ]);
      const latest = await harness.reader.download('customers', { view: 'latest', search: '', where: [] }, never);
      const history = await harness.reader.download(
        'customers',
        { view: 'history', search: 'customer', where: [] },
        never,
      );
      await harness.write([{ key: 'a', at: 3 }]);
      const key = latest?.columns.indexOf('_key') ?? -1;
      const note = latest?.columns.indexOf('note') ?? -1;
      const rows = await collect(latest?.rows);
      expect(rows.map((row) => row[key])).toEqual(['a', 'b']);
      expect(rows[0]?.[note]).toBe("'=1+1");
      expect(await collect(history?.rows)).toHaveLength(2);
    });

    describe('filters and sorts', () => {
      beforeEach(() =>
        harness.write([
          { key: 'a', at: 1, values: { name: 'Anna', spent: 10, active: true, note: 'red' } },
          { key: 'b', at: 2, values: { name: 'ben', spent: 9.5, active: false, note: 'Blue' } },
          { key: 'c', at: 3, values: { name: 'Çelik', note: 'red' } },
          { key: 'd', at: 4, values: { name: 'Dora', spent: 100, note: '50% \\ _' } },
        ]),
      );
      const found = async (...where: [string, Comparison, string?][]) => {
        const conditions = where.map(([column, is, value = '']) => ({ column, is, value }));
        const query = { view: 'latest', search: '', where: conditions, sort: undefined, offset: 0, limit: 50 } as const;
        const shown = await harness.reader.rows('customers', query, never);
        const keys = records(shown).map((row) => row._key);
        expect(shown?.total).toBe(keys.length);
        return keys.sort().join('');
      };
      const sorted = async (column: string, descending = false, limit = 50) => {
        const query = {
          view: 'latest',
          search: '',
          where: [],
          sort: { column, descending },
          offset: 0,
          limit,
        } as const;
        return records(await harness.reader.rows('customers', query, never))
          .map((row) => row._key)
          .join('');
      };

      it('compares numbers as numbers, times as moments, booleans as booleans and text as text', async () => {
        expect(await found(['spent', 'above', '9.5'])).toBe('ad');
        expect(await found(['spent', 'from', '9.5'], ['spent', 'below', '100'])).toBe('ab');
        expect(await found(['spent', 'is', '100.0'])).toBe('d');
        expect(await found(['updatedAt', 'to', '2026-01-05T03:00:00+01:00'])).toBe('ab');
        expect(await found(['active', 'is', 'false'])).toBe('b');
        expect(await found(['note', 'is', 'red'])).toBe('ac');
        expect(await found(['name', 'above', 'a'])).toBe('bc');
        expect(await found(['_key', 'is', 'c'])).toBe('c');
      });

      it('compares and sorts decimals and large whole numbers by their values, and shows all their digits', async () => {
        const numbers = [
          ['e', '19.90', 7],
          ['f', '19.9', '1374004777531007833'],
          ['g', '-0.05', -1],
          ['h', '1000.00', '9007199254740993'],
          ['i', '9.5', undefined],
        ] as const;
        await harness.write(
          numbers.map(([key, balance, points], index) => ({
            key,
            at: 10 + index,
            values: { name: key, balance, points },
          })),
        );
        expect(await found(['balance', 'is', '19.9'])).toBe('ef');
        expect(await found(['balance', 'above', '9.50'], ['balance', 'below', '1000'])).toBe('ef');
        expect(await found(['balance', 'from', '1e3'])).toBe('h');
        expect(await found(['balance', 'contains', '9.90'])).toBe('e');
        expect(await found(['points', 'above', '1000000000000000000'])).toBe('f');
        expect(await found(['points', 'is', 'x'])).toBe('');
        expect((await sorted('balance')).slice(0, 5)).toMatch(/^gi(ef|fe)h$/);
        expect((await sorted('points', true)).slice(0, 4)).toBe('fheg');
        const shown = records(await page('latest')).filter(({ _key }) => 'efgh'.includes(String(_key)));
        expect(shown.map(({ balance, points }) => [balance, points])).toEqual([
          ['1000.00', '9007199254740993'],
          ['-0.05', -1],
          ['19.9', '1374004777531007833'],
          ['19.90', 7],
        ]);
      });

      it('compares whole numbers and decimals exactly, however close they are', async () => {
        const near = [
          ['e', '123456789012.345678901234567890', '9007199254740992'],
          ['f', '123456789012.345678901234567891', '9007199254740993'],
          ['g', '123456789012.345678901234567889', '9007199254740994'],
        ] as const;
        await harness.write(
          near.map(([key, balance, points], index) => ({
            key,
            at: 10 + index,
            values: { name: key, balance, points },
          })),
        );
        const [[, decimal, whole]] = near;
        expect(await found(['points', 'is', '9007199254740993'])).toBe('f');
        expect(await found(['points', 'above', whole])).toBe('fg');
        expect(await found(['points', 'from', '9007199254740993'])).toBe('fg');
        expect(await found(['points', 'to', whole], ['points', 'above', '9007199254740000'])).toBe('e');
        expect(await found(['points', 'not', '9007199254740993'], ['points', 'from', whole])).toBe('eg');
        expect(await found(['balance', 'is', decimal])).toBe('e');
        expect(await found(['balance', 'below', decimal], ['balance', 'above', '123456789012'])).toBe('g');
        expect((await sorted('points', true)).slice(0, 3)).toBe('gfe');
        expect((await sorted('balance', true)).slice(0, 3)).toBe('feg');
        // A short number and a long one are one and the same in 64 bits.
        await harness.write(
          [
            ['i', '0.300000000000000001'],
            ['h', '0.3'],
            ['j', '0.30'],
          ].map(([key = '', balance], index) => ({ key, at: 20 + index, values: { name: key, balance } })),
        );
        const order = async (isDown: boolean) => (await sorted('balance', isDown)).replace(/[^hij]/g, '');
        expect(await order(false)).toMatch(/^(hj|jh)i$/);
        expect(await order(true)).toMatch(/^i(hj|jh)$/);
      });

      it('treats missing values as missing, and text as text and not as a pattern', async () => {
        expect(await found(['spent', 'empty'])).toBe('c');
        expect(await found(['spent', 'filled'])).toBe('abd');
        expect(await found(['spent', 'not', '10'])).toBe('bcd');
        expect(await found(['note', 'contains', 'BLU'])).toBe('b');
        expect(await found(['note', 'contains', '%'])).toBe('d');
        expect(await found(['note', 'contains', '\\'])).toBe('d');
        expect(await found(['spent', 'above', 'x'])).toBe('');
        expect(await found(['note', 'is', "'; DROP TABLE customers"])).toBe('');
      });

      it('finds by filters and words together, also in rows that came later', async () => {
        expect(await found(['note', 'is', 'red'], ['name', 'contains', 'elik'])).toBe('c');
        await harness.write([{ key: 'e', at: 5, values: { name: 'Felik', note: 'red' } }]);
        expect(await found(['note', 'is', 'red'], ['name', 'contains', 'elik'])).toBe('ce');
      });

      it('sorts by any column: rows without a value last in both directions, and the newest first among equals', async () => {
        expect(await sorted('spent')).toBe('badc');
        expect(await sorted('spent', true)).toBe('dabc');
        expect(await sorted('spent', true, 2)).toBe('da');
        expect(await sorted('name')).toBe('adbc');
        expect(await sorted('note')).toBe('dbca');
        expect(await sorted('updatedAt', true)).toBe('dcba');
      });

      it('says so when there is no such column', async () => {
        await expect(found(['nope', 'is', '1'])).rejects.toThrow('there is no column "nope" in this dataset');
        await expect(sorted('"; --')).rejects.toThrow('there is no column');
      });

      it('counts the values of columns that have few', async () => {
        const facets = await harness.reader.facets('customers', { view: 'latest', search: '', where: [] }, never);
        expect(facets?.facets.find(({ column }) => column === 'note')).toEqual({
          column: 'note',
          values: expect.arrayContaining([
            { value: 'red', count: 2 },
            { value: 'Blue', count: 1 },
          ]),
          more: 0,
        });
        expect(facets?.facets.map(({ column }) => column)).not.toContain('name');
      });
    });

    it('counts values of every type, and those that are missing, the most frequent first', async () => {
      const values = [
        { points: 1, active: true, note: 'b', balance: '1.50' },
        { points: 2, active: false, note: 'a', balance: '1.50' },
        { points: 2, note: 'a' },
        { points: 1, note: 'b', lines: [] },
        { points: 1, note: '', lines: [] },
      ];
      const rows = values.map((value, index) => ({ key: `k${index}`, at: index, values: value }));
      await harness.write([...rows, { key: 'gone', at: 9, deleted: true }]);
      const facetsOf = async (view: View) => {
        const found = await harness.reader.facets('customers', { view, search: '', where: [] }, never);
        const of = (column: string) => found?.facets.find((facet) => facet.column === column)?.values;
        return { of, total: found?.total };
      };
      const { of, total } = await facetsOf('latest');
      expect(total).toBe(5);
      expect(of('points')).toEqual([
        { value: 1, count: 3 },
        { value: 2, count: 2 },
      ]);
      expect(of('active')).toEqual([
        { value: null, count: 3 },
        { value: false, count: 1 },
        { value: true, count: 1 },
      ]);
      expect(of('note')).toEqual([
        { value: 'a', count: 2 },
        { value: 'b', count: 2 },
        { value: null, count: 1 },
      ]);
      expect(of('balance')).toEqual([
        { value: null, count: 3 },
        { value: '1.50', count: 2 },
      ]);
      expect(of('lines')).toEqual([
        { value: null, count: 3 },
        { value: '[]', count: 2 },
      ]);
      expect(of('_key')).toBeUndefined();
      const history = await facetsOf('history');
      expect(history.of('_deleted')).toEqual([
        { value: false, count: 5 },
        { value: true, count: 1 },
      ]);
    });

    it("downloads cells that have the values of their types, Tributary's own too", async () => {
      await harness.write([
        {
          key: 'a',
          at: 1,
          values: { spent: 1.5, active: false, points: '9007199254740993', lines: [{ sku: '=s', quantity: 1 }] },
        },
      ]);
      const download = await harness.reader.download('customers', { view: 'latest', search: '', where: [] }, never);
      const [row] = await collect(download?.rows);
      const value = (name: string) => download?.decode(name, row?.[download.columns.indexOf(name)] ?? '');
      expect(['spent', 'active', 'points', 'balance', 'note', '_deleted', '_written_at'].map(value)).toEqual([
        1.5,
        false,
        '9007199254740993',
        undefined,
        undefined,
        false,
        time1,
      ]);
      expect(JSON.stringify(value('lines'))).toBe('[{"sku":"=s","quantity":1}]');
    });

    it('gives every version of a key, the newest first, and where each is', async () => {
      await harness.write([
        { key: 'a', at: 3, values: { name: 'third' } },
        { key: 'b', at: 4 },
      ]);
      await harness.write([{ key: 'a', at: 5, deleted: true }]);
      const found = await harness.reader.versions('customers', 'a', 10, never);
      const place = found?.columns.findIndex((column) => column.name === 'name') ?? -1;
      expect(found?.rows.map((row) => row[place])).toEqual([null, 'third']);
      expect(found?.total).toBe(2);
      expect(found?.places.every((one) => one.place.length > 0)).toBe(true);
      expect((await harness.reader.versions('customers', 'a', 1, never))?.rows).toHaveLength(1);
      expect(await harness.reader.versions('customers', 'no such key', 1, never)).toMatchObject({ rows: [], total: 0 });
    });

    it('says how many rows were written together with a version', async () => {
      await harness.write([
        { key: 'a', at: 3 },
        { key: 'b', at: 3 },
        { key: 'c', at: 3 },
      ]);
      await harness.write([{ key: 'd', at: 4 }]);
      const batchOf = async (key: string) =>
        (await harness.reader.versions('customers', key, 10, never))?.places.map(({ batch }) => batch?.rows);
      expect(await batchOf('b')).toEqual([3]);
      expect(await batchOf('d')).toEqual([1]);
      expect(await batchOf('no such key')).toEqual([]);
    });

    it("describes the columns, Tributary's own last", async () => {
      const described = await harness.reader.describe('customers');
      expect(described?.key).toBe('id');
      expect(described?.columns.filter((column) => !column.system).map(({ name, type }) => `${name}: ${type}`)).toEqual(
        [
          'id: string',
          'name: string',
          'note: string',
          'spent: number',
          'balance: decimal',
          'points: integer',
          'active: boolean',
          'lines: list',
          'updatedAt: datetime',
        ],
      );
      expect(described?.columns.slice(-6).every((column) => column.system)).toBe(true);
    });

    it("knows no dataset but the pipeline's", async () => {
      for (const name of ['nope', '../customers', 'customers/../items', '', '__proto__', 'constructor']) {
        expect(await harness.reader.describe(name)).toBeUndefined();
        expect(await harness.reader.download(name, { view: 'latest', search: '', where: [] }, never)).toBeUndefined();
      }
    });

    it('ends a search whose signal aborts', async () => {
      await harness.write([{ key: 'a', at: 1 }]);
      const query = { view: 'latest', search: 'a', where: [], sort: undefined, offset: 0, limit: 5 } as const;
      await expect(harness.reader.rows('customers', query, AbortSignal.abort())).rejects.toThrow(/abort/i);
    });

    it('leaves nothing on the signal of downloads and pages that have ended', async () => {
      await harness.write([{ key: 'a', at: 1 }]);
      const { signal } = new AbortController();
      const selection = { view: 'latest', search: '', where: [] } as const;
      const download = await harness.reader.download('customers', selection, signal);
      expect(await collect(download?.rows)).toHaveLength(1);
      await harness.reader.rows('customers', { ...selection, sort: undefined, offset: 0, limit: 5 }, signal);
      expect(getEventListeners(signal, 'abort')).toEqual([]);
    });

    it('may be closed twice', async () => {
      harness.reader.start();
      await harness.reader.close();
      await harness.reader.close();
    });
  });
}

const time1 = '2026-01-05T01:00:00.000Z';
