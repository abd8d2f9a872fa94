import { Client } from 'pg';
import type { ExpectedRows } from './join.js';
import type { Stage } from './stage.js';

/** A schema of Postgres that a pipeline writes to. */
export class Schema {
  readonly #url: string;
  readonly name: string;

  constructor(url: string, name: string) {
    this.#url = url;
    this.name = name;
  }

  /** On a server that others use too it goes at the end, with all that is in it. */
  dropAtEnd(stage: Stage): this {
    stage.atEnd(`schema ${this.name}`, () => this.#query(`DROP SCHEMA IF EXISTS ${this.name} CASCADE`));
    return this;
  }

  /** Every row of a table, as JSON has it, in the order of their keys. Times are ISO 8601 in UTC, with milliseconds. */
  async rows(table: string): Promise<Record<string, unknown>[]> {
    const rows = await this.#query(`SELECT to_jsonb(t) AS row FROM ${this.name}.${table} t ORDER BY _key, _order`);
    return rows.map(({ row }) =>
      Object.fromEntries(Object.entries(row).map(([name, value]) => [name, inUtc(name, value)])),
    );
  }

  async #query(sql: string): Promise<{ row: Record<string, unknown> }[]> {
    const client = new Client({ connectionString: this.#url });
    await client.connect();
    try {
      return (await client.query<{ row: Record<string, unknown> }>(sql)).rows;
    } finally {
      await client.end();
    }
  }
}

const inUtc = (column: string, value: unknown): unknown =>
  /(updatedAt|_at)$/.test(column) && typeof value === 'string' ? new Date(value).toISOString() : value;

/** The rows that a dataset's table must hold, without the columns that tell how they came there. */
export function expectedTable(expected: ExpectedRows[keyof ExpectedRows]): Record<string, unknown>[] {
  return [...expected]
    .map(([key, { values, hash }]) => ({ ...values, _key: key, _hash: hash }))
    .toSorted((a, b) => (a._key < b._key ? -1 : 1));
}

/** The same of rows that were read: nothing is told apart from null. */
export function contentOf(rows: readonly Readonly<Record<string, unknown>>[]): Record<string, unknown>[] {
  const about = ['_version', '_message_id', '_order', '_written_at', '_deleted'];
  return rows.map((row) =>
    Object.fromEntries(Object.entries(row).filter(([name, value]) => value !== null && !about.includes(name))),
  );
}
