import { guard, guardJson, withoutGuard } from '@tributary/shared';
import type {
  Chart,
  ChartQuery,
  Download,
  Facet,
  Facets,
  KeyPattern,
  Profile,
  RowPage,
  RowQuery,
  Selection,
  Versions,
  View,
} from '../port.js';
import { chartOf } from './chart.js';
import { decode, forPage, isText, pageOf } from './columns.js';
import { type Ask, type Cells, Parameters, type QueryColumn, type Rows, type Store, type Tables } from './dialect.js';
import { facetColumns, facetsOf } from './facets.js';
import { profile } from './profile.js';
import { conditionsOf } from './where.js';

/** Rows of a selection, with the values of its statement. */
interface Selected extends Rows {
  readonly view: View;
  readonly values: readonly string[];
  /** Whether these are all rows of the view. */
  readonly isWhole: boolean;
}

/** @throws UnknownColumnError */
function selected({ view, ...selection }: Selection, { columns, dialect, rows }: Tables): Selected {
  const parameters = new Parameters();
  const conditions = conditionsOf(selection, columns, parameters, dialect);
  const { from, where } = rows(view);
  const isWhole = conditions.length === 0;
  return { view, from, where: [where, ...conditions].join(' AND '), values: parameters.values, isWhole };
}

/** Answers what is asked of one dataset, the same for every sink. */
export class Dataset {
  readonly #store: Store;
  readonly #neutraliseFormulas: boolean;
  /** The columns of facets, and the number of rows that they were found by. */
  #facetColumns: { readonly size: number; readonly names: ReadonlySet<string> } | undefined;

  constructor(store: Store, neutraliseFormulas: boolean) {
    this.#store = store;
    this.#neutraliseFormulas = neutraliseFormulas;
  }

  async rows(query: RowQuery, signal: AbortSignal): Promise<RowPage> {
    return await this.#store.moment(
      async (tables, ask) => {
        const { columns, dialect, revision } = tables;
        const rows = selected(query, tables);
        const { order, by, picked, cells } = await tables.page(query, rows.isWhole, ask);
        const found = await ask(
          `WITH page AS MATERIALIZED (
             SELECT ${picked} FROM ${rows.from} WHERE ${rows.where} ORDER BY ${by} LIMIT ${query.limit} OFFSET ${query.offset})
           SELECT ${forPage(columns, dialect)} FROM ${cells} ORDER BY ${by}`,
          rows.values,
        );
        // What a search finds is mostly little: the last page tells how many there are.
        const isLast = found.length < query.limit && (found.length > 0 || query.offset === 0);
        const total = isLast ? query.offset + found.length : await count(ask, rows, tables);
        const facets = query.facets === true ? await this.#facets(ask, rows, tables) : null;
        return { ...pageOf(found, columns), order, total, facets, revision };
      },
      signal,
      true,
    );
  }

  async facets(selection: Selection, signal: AbortSignal): Promise<Facets> {
    return await this.#store.moment(
      async (tables, ask) => {
        const rows = selected(selection, tables);
        const facets = await this.#facets(ask, rows, tables);
        return { facets, total: await count(ask, rows, tables), revision: tables.revision };
      },
      signal,
      true,
    );
  }

  async #facets(ask: Ask, rows: Selected, { size, facetRows, columns, dialect }: Tables): Promise<Facet[]> {
    const known = this.#facetColumns;
    // Another value comes seldom, and does no harm: what is shown is counted each time.
    if (known === undefined || size > known.size * 1.2) {
      this.#facetColumns = { size, names: await facetColumns(ask, facetRows, columns, dialect) };
    }
    const names = this.#facetColumns?.names;
    const some = columns.filter(({ column }) => names?.has(column.name) === true);
    return await facetsOf(ask, rows, rows.values, some, dialect);
  }

  async profile(view: View, signal: AbortSignal): Promise<Profile> {
    return await this.#store.moment(async ({ columns, dialect, rows, isRecord }, ask) => {
      const { from, where } = rows(view);
      const own = columns.filter(({ column }) => !column.system);
      return await profile(ask, own, { from, where: `${where} AND ${isRecord}` }, dialect);
    }, signal);
  }

  async chart(query: ChartQuery, signal: AbortSignal): Promise<Chart> {
    return await this.#store.moment(
      async (tables, ask) => {
        const drawn = await chartOf(ask, selected(query, tables), tables, query);
        return { ...drawn, revision: tables.revision };
      },
      signal,
      true,
    );
  }

  /** Of all rows as of the moment of the call. The cells are as the CSV sink would write them, so that the file is the same from every sink. */
  async download(selection: Selection, signal: AbortSignal): Promise<Download> {
    const { tables, batches } = await this.#store.stream((now) => {
      const { from, where, values } = selected(selection, now);
      const texts = now.columns.map(({ text }) => now.dialect.fetched(text)).join(', ');
      const order = now.downloaded === undefined ? '' : ` ORDER BY ${now.downloaded}`;
      return { text: `SELECT ${texts} FROM ${from} WHERE ${where}${order}`, values };
    }, signal);
    const neutralise = this.#neutraliseFormulas;
    // Looked up, not searched for: a part with ten thousand columns would take their square for each row.
    const byName = new Map(tables.columns.map((one) => [one.column.name, one]));
    async function* rows(): AsyncGenerator<string[]> {
      for await (const batch of batches) for (const row of batch) yield encoded(row, tables.columns, neutralise);
    }
    return {
      columns: [...byName.keys()],
      rows: rows(),
      decode(name, cell) {
        const known = byName.get(name);
        if (known === undefined) return undefined;
        return decode(isText(known.column) ? withoutGuard(cell, neutralise) : cell, known.field);
      },
    };
  }

  async versions(key: string, limit: number, signal: AbortSignal): Promise<Versions> {
    return await this.#store.moment(async (tables, ask) => {
      const { columns, dialect, newestFirst, placed } = tables;
      const found = await ask(
        `SELECT ${placed}, ${forPage(columns, dialect)}, count(*) OVER () AS total
           FROM ${tables.rows('history').from} WHERE ${tables.key} = $1 ORDER BY ${newestFirst} LIMIT ${limit}`,
        [key],
      );
      const { rows } = pageOf(found, columns);
      const places = await tables.places(found, key, ask);
      return { columns: columns.map(({ column }) => column), rows, places, total: Number(found[0]?.total ?? 0) };
    }, signal);
  }

  async keys({ place, part }: KeyPattern, limit: number, signal: AbortSignal) {
    return await this.#store.moment(async ({ key, rows, dialect: { fetched } }, ask) => {
      const { from, where } = rows('latest');
      const found = await ask<{ readonly key: string; readonly total: unknown }>(
        `SELECT ${fetched('key')} AS key, total FROM (
           SELECT ${key} AS key, count(*) OVER () AS total FROM ${from}
            WHERE ${where} AND split_part(${key}, '/', ${place + 1}) = $1 ORDER BY 1 LIMIT ${limit}) AS fitting`,
        [part],
      );
      return { keys: found.map((one) => one.key), total: Number(found[0]?.total ?? 0) };
    }, signal);
  }
}

async function count(ask: Ask, { from, where, values, view, isWhole }: Selected, { counted }: Tables): Promise<number> {
  const known = isWhole ? counted?.(view) : undefined;
  if (known !== undefined) return known;
  const [found] = await ask(`SELECT count(*) AS total FROM ${from} WHERE ${where}`, values);
  return Number(found?.total ?? 0);
}

const encoded = (cells: Cells, columns: readonly QueryColumn[], neutralise: boolean): string[] =>
  columns.map((column, index) => {
    const text = cells[index] ?? '';
    const written = text === '' ? '' : (column.rewritten?.(text) ?? text);
    if (!neutralise) return written;
    return isText(column.column) ? guard(written) : guardJson(written);
  });
