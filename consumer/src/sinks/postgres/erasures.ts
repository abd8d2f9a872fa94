import type { Clock } from '@tributary/shared';
import {
  done,
  type Erasure,
  type Erasures,
  isPending,
  type Pending,
  readErasure,
  rulesFor,
  type Todo,
  writeErasure,
} from '../../erase/erasure.js';
import { OLDER, type Rule } from '../../erase/where.js';
import { escapePart } from '../../merge/rows.js';
import type { Database } from './database.js';
import { IN_RANGE, type InEpoch, inRanges } from './in-ranges.js';
import { findLeftHistory } from './left-history.js';
import type { PostgresMarks } from './marks.js';
import { checkNothingHidden } from './row-security.js';
import { createTable, LOCK, type PostgresSchema } from './schema.js';
import { type PostgresTables, type Table, tablesIn } from './tables.js';
import type { Transaction } from './transaction.js';

export interface PostgresErasuresOptions {
  readonly database: Database;
  readonly tables: PostgresTables;
  readonly pipeline: string;
  readonly marks: PostgresMarks;
  readonly schema: PostgresSchema;
  readonly clock: Clock;
}

const ROWS_AT_A_TIME = 5_000;

/** Rows whose keys name a record at a place, and rows of a merge as it was before that name it anywhere. */
const IS_AT = (place: number) => ` AND split_part(r._key, '/', ${place + 1}) = $3`;
const IS_OLDER = (sides: number) =>
  ` AND array_length(string_to_array(r._message_id, ' '), 1) <> ${sides} AND $3 = ANY(string_to_array(r._key, '/'))`;

interface Kept {
  readonly note: string;
  /** Null once it is done. */
  readonly todo: string | null;
}

/** Erasures of a Postgres output: rows of `tributary_erased`. */
export class PostgresErasures implements Erasures {
  readonly #options: PostgresErasuresOptions;

  constructor(options: PostgresErasuresOptions) {
    this.#options = options;
  }

  async list(): Promise<Erasure[]> {
    const { database, tables, pipeline } = this.#options;
    const { erased } = tables;
    return await database.transaction(async (transaction) => {
      if (!(await isThere(transaction, erased))) return [];
      // A policy that hides some of them would let those keys come back.
      await checkNothingHidden(transaction, [erased]);
      const select = `SELECT note, todo FROM ${erased.sql} WHERE pipeline = $1 ORDER BY hash`;
      return (await transaction.query<Kept>(select, [pipeline])).map(read);
    });
  }

  async note(erasure: Erasure): Promise<void> {
    const { database, schema, tables } = this.#options;
    await schema.ensure();
    await database.transaction(async (transaction) => {
      await transaction.query(LOCK, [`tributary ${tables.schema}`]);
      if (!(await isThere(transaction, tables.erased)))
        for (const statement of createTable(tables.erased)) await transaction.query(statement);
      await this.#note(transaction, erasure);
    });
  }

  /** Does what is still to be done, in the epoch that has just begun: no writer has entered it. */
  async carryOut(inEpoch: InEpoch): Promise<void> {
    const { tables, clock } = this.#options;
    for (const one of (await this.list()).filter(isPending)) {
      for (const dataset of tables.datasets.values()) {
        const rules = rulesFor(one, dataset.dataset.name);
        if (rules.length === 0) continue;
        const left = await inEpoch((transaction) => findLeftHistory(transaction, tables, dataset));
        for (const rule of rules) {
          for (const table of [...tablesIn(dataset), ...(left === undefined ? [] : [left])])
            await this.#erase(inEpoch, one, rule, table);
        }
      }
      await inEpoch(async (transaction) => {
        await this.#note(transaction, done(await this.#held(transaction, one), clock.now()));
      });
    }
  }

  async #erase(inEpoch: InEpoch, one: Pending, rule: Rule, table: Table): Promise<void> {
    const { key } = one.todo;
    const statement = (where: string) => `DELETE FROM ${table.sql} AS r WHERE ${where} RETURNING 1`;
    if (rule === 'all' || (rule !== 'key' && rule > 0)) {
      const isMeant = rule === 'all' ? '' : rule < OLDER ? IS_AT(rule) : IS_OLDER(rule - OLDER);
      const values = rule === 'all' ? [] : [escapePart(key)];
      const text = statement(`${IN_RANGE('r')}${isMeant}`);
      await inRanges(inEpoch, table, async (transaction, range) => {
        const gone = await transaction.query(text, [...range, ...values]);
        await this.#count(transaction, one, table, gone.length);
      });
      return;
    }
    const [where, value] =
      rule === 'key'
        ? ['r._key = $1', key]
        : [`r._key > $1 || '/' COLLATE "C" AND r._key < $1 || '0' COLLATE "C"`, escapePart(key)];
    // A record may have very many lines, and the server ends a statement that takes long.
    const page = `SELECT max(_key) FROM (SELECT r._key FROM ${table.sql} AS r WHERE ${where} ORDER BY r._key LIMIT ${ROWS_AT_A_TIME}) AS page`;
    const text = statement(`${where} AND r._key <= (${page})`);
    for (let gone = -1; gone !== 0; ) {
      gone = await inEpoch(async (transaction) => {
        const { length } = await transaction.query(text, [value]);
        await this.#count(transaction, one, table, length);
        return length;
      });
    }
  }

  /** In the transaction that removes them. */
  async #count(transaction: Transaction, one: Pending, { name }: Table, rows: number): Promise<void> {
    if (rows === 0) return;
    // They name keys of rows, and would tell that these are missing, also if the process dies before the rest is done.
    await this.#options.marks.forgetWitnesses(transaction);
    const held = await this.#held(transaction, one);
    const removed = { ...held.removed, [name]: (held.removed[name] ?? 0) + rows };
    await this.#note(transaction, { ...held, removed });
  }

  async #held(transaction: Transaction, one: Erasure): Promise<Erasure> {
    const { tables, pipeline } = this.#options;
    const select = `SELECT note, todo FROM ${tables.erased.sql} WHERE pipeline = $1 AND hash = $2 FOR UPDATE`;
    const [found] = await transaction.query<Kept>(select, [pipeline, one.hash]);
    return found === undefined ? one : read(found);
  }

  async #note(transaction: Transaction, { todo, ...note }: Erasure): Promise<void> {
    const { tables, pipeline } = this.#options;
    await transaction.query(
      `INSERT INTO ${tables.erased.sql} (pipeline, hash, note, todo) VALUES ($1, $2, $3, $4)
       ON CONFLICT (pipeline, hash) DO UPDATE SET note = EXCLUDED.note, todo = EXCLUDED.todo`,
      [
        pipeline,
        note.hash,
        writeErasure({ ...note, todo: undefined }),
        todo === undefined ? null : JSON.stringify(todo),
      ],
    );
  }
}

const read = ({ note, todo }: Kept): Erasure => ({
  ...readErasure(note),
  todo: todo === null ? undefined : (JSON.parse(todo) as Todo),
});

async function isThere(transaction: Transaction, { sql }: Table): Promise<boolean> {
  const [found] = await transaction.query<{ there: boolean }>(
    'SELECT pg_catalog.to_regclass($1) IS NOT NULL AS there',
    [sql],
  );
  return found?.there === true;
}
