import type { Lsn } from './lsn.js';

/**
 * Reads the messages of pgoutput, version 1 of its protocol (Postgres manual, "Logical Replication Message Formats"). The parser of
 * `pg-logical-replication` makes JavaScript values by the type parsers of `pg`, which lose digits and time zones; here each value stays
 * the text that Postgres wrote.
 */

/** Stands for a large value that an update left as it was: Postgres does not send it. */
export const UNCHANGED = Symbol('unchanged');

export type Cell = string | null | typeof UNCHANGED;
export type Tuple = readonly Cell[];

export interface RelationColumn {
  readonly name: string;
  /** The number of its type (pg_type.oid). */
  readonly type: number;
  /** Whether it is of the replica identity. */
  readonly isKey: boolean;
}

/** A table as its next changes are told. It is told anew whenever it changes. */
export interface Relation {
  readonly oid: number;
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly RelationColumn[];
}

/** The row before the change; of its key alone, the other columns are null. */
export interface OldTuple {
  readonly cells: Tuple;
  readonly isKeyOnly: boolean;
}

export type Message =
  | { readonly kind: 'begin'; readonly commitLsn: Lsn; readonly committedAt: number }
  | { readonly kind: 'commit'; readonly endLsn: Lsn; readonly committedAt: number }
  | { readonly kind: 'relation'; readonly relation: Relation }
  | { readonly kind: 'insert'; readonly relation: number; readonly row: Tuple }
  | { readonly kind: 'update'; readonly relation: number; readonly old: OldTuple | undefined; readonly row: Tuple }
  | { readonly kind: 'delete'; readonly relation: number; readonly old: OldTuple }
  | { readonly kind: 'truncate'; readonly relations: readonly number[] }
  /** Of no meaning here: where a transaction came from, a type, a message of another program. */
  | { readonly kind: 'other' };

/** Milliseconds from 1970 to 2000, from which Postgres counts microseconds. */
const EPOCH = 946_684_800_000;

/** @throws RangeError for a message that ends too early; Error for one of another form */
export function parseMessage(bytes: Buffer): Message {
  const reader = new Reader(bytes);
  const kind = reader.letter();
  switch (kind) {
    case 'B':
      return { kind: 'begin', commitLsn: reader.long(), committedAt: timeOf(reader.long()) };
    case 'C': {
      reader.skip(1 + 8);
      return { kind: 'commit', endLsn: reader.long(), committedAt: timeOf(reader.long()) };
    }
    case 'R':
      return { kind: 'relation', relation: readRelation(reader) };
    case 'I':
      return { kind: 'insert', relation: reader.int(), row: readNew(reader, reader.letter()) };
    case 'U': {
      const relation = reader.int();
      const letter = reader.letter();
      if (letter === 'N') return { kind: 'update', relation, old: undefined, row: readTuple(reader) };
      const old = readOld(reader, letter);
      return { kind: 'update', relation, old, row: readNew(reader, reader.letter()) };
    }
    case 'D': {
      const relation = reader.int();
      return { kind: 'delete', relation, old: readOld(reader, reader.letter()) };
    }
    case 'T': {
      const count = reader.int();
      reader.skip(1);
      return { kind: 'truncate', relations: Array.from({ length: count }, () => reader.int()) };
    }
    case 'O':
    case 'Y':
    case 'M':
      return { kind: 'other' };
    default:
      throw new Error(`pgoutput sent a message of the unknown kind ${JSON.stringify(kind)}`);
  }
}

const timeOf = (microseconds: bigint): number => EPOCH + Number(microseconds / 1_000n);

function readRelation(reader: Reader): Relation {
  const oid = reader.int();
  const schema = reader.text();
  const table = reader.text();
  // The replica identity; the columns say what it is.
  reader.skip(1);
  const columns = Array.from({ length: reader.short() }, (): RelationColumn => {
    const isKey = (reader.byte() & 1) === 1;
    const name = reader.text();
    const type = reader.int();
    reader.skip(4);
    return { name, type, isKey };
  });
  // No schema stands for that of the catalog.
  return { oid, schema: schema === '' ? 'pg_catalog' : schema, table, columns };
}

function readNew(reader: Reader, letter: string): Tuple {
  if (letter !== 'N') throw new Error(`pgoutput sent a row as ${JSON.stringify(letter)}, expected a new one`);
  return readTuple(reader);
}

function readOld(reader: Reader, letter: string): OldTuple {
  if (letter !== 'K' && letter !== 'O') {
    throw new Error(`pgoutput sent a row as ${JSON.stringify(letter)}, expected an old one`);
  }
  return { isKeyOnly: letter === 'K', cells: readTuple(reader) };
}

function readTuple(reader: Reader): Tuple {
  return Array.from({ length: reader.short() }, (): Cell => {
    const kind = reader.letter();
    if (kind === 'n') return null;
    if (kind === 'u') return UNCHANGED;
    if (kind === 't') return reader.sized();
    throw new Error(`pgoutput sent a value as ${JSON.stringify(kind)}, expected text`);
  });
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  byte(): number {
    return this.#bytes.readUInt8(this.#take(1));
  }

  letter(): string {
    return String.fromCharCode(this.byte());
  }

  short(): number {
    return this.#bytes.readUInt16BE(this.#take(2));
  }

  /** Numbers of tables and types have 32 bits without a sign. */
  int(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }

  long(): bigint {
    return this.#bytes.readBigUInt64BE(this.#take(8));
  }

  /** Text that ends with a zero. */
  text(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end < 0) throw new RangeError('a text of pgoutput has no end');
    const text = this.#bytes.toString('utf8', this.#at, end);
    this.#at = end + 1;
    return text;
  }

  /** Text with its length before it. */
  sized(): string {
    const length = this.int();
    const begin = this.#take(length);
    return this.#bytes.toString('utf8', begin, begin + length);
  }

  skip(count: number): void {
    this.#take(count);
  }

  #take(count: number): number {
    const begin = this.#at;
    if (begin + count > this.#bytes.length) throw new RangeError('a message of pgoutput ends too early');
    this.#at = begin + count;
    return begin;
  }
}
