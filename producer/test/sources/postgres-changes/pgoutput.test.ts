import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseLsn, versionAt, writeGeneration, writeLsn } from '../../../src/sources/postgres-changes/lsn.js';
import { type Cell, parseMessage, type Relation, UNCHANGED } from '../../../src/sources/postgres-changes/pgoutput.js';

const byte = (value: number) => Buffer.of(value);
const short = (value: number) => Buffer.from([value >> 8, value & 255]);
function int(value: number) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
function long(value: bigint) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}
const text = (value: string) => Buffer.concat([Buffer.from(value), byte(0)]);
const letter = (value: string) => Buffer.from(value);

function cell(value: Cell): Buffer {
  if (value === null) return letter('n');
  if (value === UNCHANGED) return letter('u');
  const bytes = Buffer.from(value);
  return Buffer.concat([letter('t'), int(bytes.length), bytes]);
}
const tuple = (cells: readonly Cell[]) => Buffer.concat([short(cells.length), ...cells.map(cell)]);

const cells = fc.array(
  fc.oneof(
    fc.constant(null),
    fc.constant(UNCHANGED),
    fc.string({ unit: 'binary' }).map((value) => value.toWellFormed()),
  ),
  { maxLength: 20 },
);
const oid = fc.integer({ min: 0, max: 0xffffffff });
const name = fc.string({ minLength: 1, maxLength: 63 }).map((value) => value.replaceAll('\0', '_'));
const lsn = fc.bigInt({ min: 0n, max: 0xffffffffffffffffn });

describe('a message of pgoutput', () => {
  test('of an insert, an update or a delete gives the cells that were written', () => {
    fc.assert(
      fc.property(oid, cells, cells, fc.constantFrom('K', 'O'), (relation, old, row, kind) => {
        const inserted = parseMessage(Buffer.concat([letter('I'), int(relation), letter('N'), tuple(row)]));
        expect(inserted).toEqual({ kind: 'insert', relation, row });
        const updated = parseMessage(Buffer.concat([letter('U'), int(relation), letter('N'), tuple(row)]));
        expect(updated).toEqual({ kind: 'update', relation, old: undefined, row });
        const told = { cells: old, isKeyOnly: kind === 'K' };
        const moved = Buffer.concat([letter('U'), int(relation), letter(kind), tuple(old), letter('N'), tuple(row)]);
        expect(parseMessage(moved)).toEqual({ kind: 'update', relation, old: told, row });
        const deleted = parseMessage(Buffer.concat([letter('D'), int(relation), letter(kind), tuple(old)]));
        expect(deleted).toEqual({ kind: 'delete', relation, old: told });
      }),
    );
  });

  test('of a relation gives its columns, and of a truncate its tables', () => {
    const column = fc.record({ name, type: oid, isKey: fc.boolean() });
    fc.assert(
      fc.property(
        oid,
        name,
        fc.array(column, { maxLength: 10 }),
        fc.array(oid, { maxLength: 5 }),
        (id, table, columns, tables) => {
          const told = columns.flatMap(({ name: one, type, isKey }) => [
            byte(isKey ? 1 : 0),
            text(one),
            int(type),
            int(0xffffffff),
          ]);
          const bytes = Buffer.concat([
            letter('R'),
            int(id),
            text('sales'),
            text(table),
            letter('d'),
            short(columns.length),
            ...told,
          ]);
          const relation: Relation = { oid: id, schema: 'sales', table, columns };
          expect(parseMessage(bytes)).toEqual({ kind: 'relation', relation });
          const truncated = Buffer.concat([letter('T'), int(tables.length), byte(0), ...tables.map(int)]);
          expect(parseMessage(truncated)).toEqual({ kind: 'truncate', relations: tables });
        },
      ),
    );
  });

  test('of a transaction tells where its commit is, and when it was', () => {
    const at = Date.parse('2026-03-01T12:00:00.000Z');
    const time = long(BigInt(at - Date.parse('2000-01-01T00:00:00.000Z')) * 1_000n);
    fc.assert(
      fc.property(lsn, lsn, oid, (commit, end, xid) => {
        const begin = Buffer.concat([letter('B'), long(commit), time, int(xid)]);
        expect(parseMessage(begin)).toEqual({ kind: 'begin', commitLsn: commit, committedAt: at });
        const committed = Buffer.concat([letter('C'), byte(0), long(commit), long(end), time]);
        expect(parseMessage(committed)).toEqual({ kind: 'commit', endLsn: end, committedAt: at });
      }),
    );
  });

  test('that ends too early, or is of no known kind, is an error and never another row', () => {
    fc.assert(
      fc.property(oid, cells, fc.nat(), (relation, row, cut) => {
        const whole = Buffer.concat([letter('I'), int(relation), letter('N'), tuple(row)]);
        expect(() => parseMessage(whole.subarray(0, cut % whole.length))).toThrow(/too early/);
      }),
    );
    expect(() => parseMessage(letter('?'))).toThrow('unknown kind');
    expect(() => parseMessage(Buffer.concat([letter('I'), int(1), letter('K')]))).toThrow('expected a new one');
    expect(() => parseMessage(Buffer.concat([letter('D'), int(1), letter('N')]))).toThrow('expected an old one');
    const binary = Buffer.concat([letter('I'), int(1), letter('N'), short(1), letter('b')]);
    expect(() => parseMessage(binary)).toThrow('expected text');
  });
});

describe('a place in the log', () => {
  test('is the same after it was written and read', () => {
    fc.assert(
      fc.property(lsn, (place) => {
        expect(parseLsn(writeLsn(place))).toBe(place);
      }),
    );
    expect(writeLsn(parseLsn('16/B374D848'))).toBe('16/B374D848');
  });

  test('makes versions that sort as the places do, and behind every version that is a time or a number', () => {
    const count = fc.integer({ min: 0, max: 0xffffffff });
    fc.assert(
      fc.property(lsn, count, lsn, count, (a, i, b, j) => {
        const generation = writeGeneration(Date.parse('2026-03-01'));
        const isLater = a === b ? i > j : a > b;
        expect(versionAt(generation, a, i) > versionAt(generation, b, j)).toBe(isLater);
      }),
    );
    expect(versionAt(writeGeneration(1_000), 0xffffn, 5) < versionAt(writeGeneration(1_001), 0n, 0)).toBe(true);
    expect(versionAt(writeGeneration(0), 0n, 0) > '9999-12-31T23:59:59.999').toBe(true);
  });
});
