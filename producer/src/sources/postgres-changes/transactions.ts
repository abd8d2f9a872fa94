import type { Change } from '../port.js';
import type { FoundTable } from './followed.js';
import { type Lsn, versionAt } from './lsn.js';
import { type Message, type OldTuple, type Relation, type Tuple, UNCHANGED } from './pgoutput.js';
import { type ReadRow, readRows, type Types } from './rows.js';
import type { Session, TextRow } from './session.js';
import { fillUnchanged, type LackingRow } from './unchanged.js';

export interface TransactionsOptions {
  /** For types and values that the stream does not send. */
  readonly session: Session;
  readonly types: Types;
  /** By the number of the table. */
  readonly tables: ReadonlyMap<number, FoundTable>;
  readonly generation: string;
  /** Told of each change of a table's columns. */
  onColumns(table: FoundTable, before: Relation, now: Relation): void;
}

/** How the rows of a table are read, as it was told last. */
interface Reading {
  readonly relation: Relation;
  readonly table: FoundTable;
  readonly read: ReadRow;
}

/** The transaction whose changes are coming. */
interface Open {
  readonly commitLsn: Lsn;
  readonly committedAt: number;
  /** How many of its changes have come, of all tables. */
  count: number;
}

/** A change whose row may lack values. */
interface Told {
  readonly change: Change & { readonly kind: 'put' | 'remove' | 'clear' };
  readonly lacking: LackingRow | undefined;
}

/** Makes changes of the messages of a stream. */
export class Transactions {
  readonly #options: TransactionsOptions;
  readonly #readings = new Map<number, Reading>();
  #open: Open | undefined;
  /** All before it is told, if nothing else is on its way. */
  #reached: Lsn;
  #committedAt: number | undefined;

  constructor(options: TransactionsOptions, reached: Lsn) {
    this.#options = options;
    this.#reached = reached;
  }

  /** The end of the last transaction that is told as a whole. */
  get reached(): Lsn {
    return this.#reached;
  }

  /** When the oldest transaction was committed of which the last call told something, in milliseconds since the epoch; undefined if it told nothing. */
  get committedAt(): number | undefined {
    return this.#committedAt;
  }

  /** The log holds nothing more for us up to here. */
  idle(upTo: Lsn): void {
    if (this.#open === undefined && upTo > this.#reached) this.#reached = upTo;
  }

  /** @throws RetryableError, FatalError if values that the stream does not send cannot be read */
  async changes(messages: readonly Message[]): Promise<readonly Change[]> {
    const told: Told[] = [];
    this.#committedAt = this.#open?.committedAt;
    for (const message of messages) {
      if (message.kind === 'relation') await this.#learn(message.relation);
      else told.push(...this.#told(message));
    }
    const lacking = told.flatMap((one) => one.lacking ?? []);
    if (lacking.length === 0) return told.map(({ change }) => change);
    const filled = await fillUnchanged(this.#options.session, lacking);
    return told.flatMap(({ change, lacking: row }) => {
      if (row === undefined) return [change];
      const cells = filled.get(row);
      // The row is gone by now: what becomes of it follows in the stream.
      return cells === undefined ? [] : [{ ...change, raw: row.read(cells) }];
    });
  }

  *#told(message: Exclude<Message, { kind: 'relation' }>): Generator<Told> {
    if (isChange(message) && this.#open !== undefined) this.#open.count += 1;
    switch (message.kind) {
      case 'begin': {
        const { commitLsn, committedAt } = message;
        this.#open = { commitLsn, committedAt, count: 0 };
        this.#committedAt ??= committedAt;
        return;
      }
      case 'commit':
        this.#open = undefined;
        this.#reached = message.endLsn;
        return;
      case 'insert':
        return yield* this.#put(message.relation, message.row, undefined);
      case 'update':
        return yield* this.#put(message.relation, message.row, message.old);
      case 'delete':
        return yield* this.#remove(message.relation, message.old);
      case 'truncate':
        for (const relation of message.relations) {
          const reading = this.#readings.get(relation);
          if (reading === undefined) continue;
          const { id: endpoint } = reading.table.endpoint;
          yield { change: { kind: 'clear', endpoint, version: this.#version() }, lacking: undefined };
        }
        return;
      case 'other':
    }
  }

  *#put(relation: number, row: Tuple, old: OldTuple | undefined): Generator<Told> {
    const reading = this.#readings.get(relation);
    if (reading === undefined) return;
    const { read, table } = reading;
    const { id: endpoint } = table.endpoint;
    const cells =
      old === undefined || old.isKeyOnly
        ? row
        : row.map((cell, at) => (cell === UNCHANGED ? (old.cells[at] ?? null) : cell));
    // One that has another key now is gone under the key that it had.
    if (old !== undefined && isOtherKey(reading, old.cells, cells)) yield* this.#remove(relation, old, FORMER_KEY);
    const version = this.#version();
    if (isWhole(cells)) yield { change: { kind: 'put', endpoint, raw: read(cells), version }, lacking: undefined };
    else
      yield {
        change: { kind: 'put', endpoint, raw: undefined, version },
        lacking: { table, columns: reading.relation.columns.map(({ name }) => name), cells, read },
      };
  }

  *#remove(relation: number, { cells }: OldTuple, part = 0): Generator<Told> {
    const reading = this.#readings.get(relation);
    if (reading === undefined) return;
    const { id: endpoint } = reading.table.endpoint;
    const raw = reading.read(cells.map((cell) => (cell === UNCHANGED ? null : cell)));
    yield { change: { kind: 'remove', endpoint, raw, version: this.#version(part) }, lacking: undefined };
  }

  /** @param part of the change, if it is told as several */
  #version(part = 0): string {
    if (this.#open === undefined) throw new Error('a change came outside of a transaction');
    const { commitLsn, count } = this.#open;
    return versionAt(this.#options.generation, commitLsn, 2 * count + part);
  }

  async #learn(relation: Relation): Promise<void> {
    const { tables, types, session, onColumns } = this.#options;
    const table = tables.get(relation.oid);
    // A publication may hold more tables than are followed.
    if (table === undefined) return;
    const before = this.#readings.get(relation.oid);
    const read = readRows(await types.columns(session, relation.columns), table.fields);
    this.#readings.set(relation.oid, { relation, table, read });
    if (before !== undefined && !isSameColumns(before.relation, relation)) onColumns(table, before.relation, relation);
  }
}

/** The end of a row under its former key comes before the row under its new one. */
const FORMER_KEY = -1;

const isChange = ({ kind }: Message): boolean =>
  kind === 'insert' || kind === 'update' || kind === 'delete' || kind === 'truncate';

const isWhole = (cells: Tuple): cells is TextRow => !cells.includes(UNCHANGED);

function isOtherKey({ relation, table }: Reading, before: Tuple, now: Tuple): boolean {
  return table.key.some((name) => {
    const at = relation.columns.findIndex((column) => column.name === name);
    return now[at] !== UNCHANGED && before[at] !== UNCHANGED && before[at] !== now[at];
  });
}

const isSameColumns = (a: Relation, b: Relation): boolean =>
  a.columns.length === b.columns.length &&
  a.columns.every(({ name, type }, at) => name === b.columns[at]?.name && type === b.columns[at]?.type);
