import { contentHash, datasetsOf, isClosing, type Payload, parsePipeline, type Row } from '@tributary/shared';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { writeRows } from '../../src/ledger/wire.js';
import { createMergeRows, inOrder, remergedAt } from '../../src/merge/rows.js';
import { compileLine, formatLines } from '../../src/sinks/csv/format.js';

const config = parsePipeline(
  `
entities:
  order: { dataset: orders, queue: o, key: id, fields: { id: string, note: string?, extra: json?, lines: { type: list, items: { sku: string, count: integer, note: string? } } } }
  item: { dataset: items, queue: i, key: sku, fields: { sku: string, name: string?, price: decimal?, size: number?, sold: boolean? } }
endpoints: {}
merges:
  order_items:
    each: { entity: order, lines: lines }
    with: { entity: item, on: sku }
    missing: empty
    columns:
      note: order.note
      constructor: item.name
      line_note: line.note
      name: item.name
      a: order.note
      b: item.price
      value: { type: decimal, decimals: 2, value: line.count * item.price }
      size: item.size
      id: order.id
      sold: item.sold
      extra: order.extra
      lines: order.lines
      enough: { type: boolean, value: item.size >= line.count }
      label: { type: string, value: "line.sku + (item.name == null ? '' : item.name)" }
      sku: line.sku
`,
  {},
  'test.yaml',
);
const [rows] = createMergeRows(config);
if (rows === undefined) throw new Error('the pipeline has a merge');
const dataset = datasetsOf(config).at(-1);
if (dataset === undefined) throw new Error('the pipeline has datasets');

const text = fc.oneof(
  fc.string({ maxLength: 6 }),
  fc.string({ unit: fc.constantFrom('"', ',', '\r', '\n', '|', ' ', "'", '=', 'é', '😀', ';', '\t'), maxLength: 4 }),
);
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const line = fc.record({ sku: fc.constantFrom('A', 'B'), count: fc.integer(), note: optional(text) });
const order = fc.record({
  id: fc.constantFrom('1', '=2', ' '),
  note: optional(text),
  extra: optional(fc.jsonValue()),
  lines: fc.array(line, { minLength: 1, maxLength: 3 }),
});
const item = fc.record({
  name: optional(text),
  price: optional(fc.constantFrom('1.50', '-3', '12345678901234567890.1')),
  size: optional(fc.double({ noNaN: true, noDefaultInfinity: true })),
  sold: optional(fc.boolean()),
});

const withoutUndefined = (record: object): Payload =>
  Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined && value !== null));

/** The rows of some orders, each with the items A and B, which come to many of them. */
const made = fc.tuple(fc.array(order, { minLength: 1, maxLength: 4 }), item, item).map(([orders, first, second]) => {
  const others = new Map(
    Object.entries({ A: first, B: second }).map(([sku, one]) => {
      return [sku, { key: sku, version: '1', messageId: sku, payload: withoutUndefined({ sku, ...one }) }];
    }),
  );
  return orders.flatMap((one, at): Row[] => {
    const payload = withoutUndefined({ ...one, lines: one.lines.map(withoutUndefined) });
    const each = { key: `${one.id}${at}`, version: '', messageId: `m${at}`, payload };
    return rows.lines(payload).flatMap((its, place) => {
      const other = place === 1 ? undefined : others.get(its.targets[0] ?? '');
      return rows.row(each, its, [other]) ?? [];
    });
  });
});

/** The same row with its values, and without the parts that they are of. */
const plain = ({ key, hash, order: its, version, messageId, values }: Row): Row => {
  return { dataset: dataset.name, key, hash, order: its, version, messageId, values };
};

describe('a merged row that is written from the parts it is made of', () => {
  test('has the content hash of its values', () => {
    const property = fc.property(made, (some) => {
      for (const { key, hash, values } of some) expect(hash).toBe(contentHash(dataset.name, key, values));
    });
    fc.assert(property, { numRuns: 200 });
  });

  test('is the line of CSV that its values make, whichever rows stand beside it', async () => {
    for (const neutralise of [true, false]) {
      const format = compileLine(dataset, neutralise);
      const property = fc.asyncProperty(made, async (some) => {
        const fromParts = await formatLines(some.map((row) => format(row, 'now')));
        const single: Buffer[] = [];
        for (const row of some) single.push(await formatLines([format(plain(row), 'now')]));
        expect(fromParts.toString()).toBe(Buffer.concat(single).toString());
      });
      await fc.assert(property, { numRuns: 100 });
    }
  });

  test('keeps what it holds under another order', () => {
    const property = fc.property(made, (some) => {
      const texts = writeRows(some);
      expect(writeRows(some)).toBe(texts);
      expect(writeRows(some.map(plain))).toBe(texts);
      expect(writeRows(some.map((row) => ({ ...row, ...plain(row) })))).toBe(texts);
      for (const row of some) {
        for (const other of [inOrder(row, 'later', 'm9'), remergedAt(row, 5)]) {
          expect(other.values).toEqual(row.values);
          expect(writeRows([other])).toBe(writeRows([plain(other)]));
          expect([other.key, other.hash, other.version]).toEqual([row.key, row.hash, row.version]);
          expect(isClosing(other)).toBe(false);
        }
        expect(inOrder(row, 'later', 'm9')).toMatchObject({ order: 'later', messageId: 'm9' });
      }
    });
    fc.assert(property, { numRuns: 30 });
  });

  test('is told from the tombstone of its key', () => {
    const each = { key: '1', version: '', messageId: 'm1', payload: { id: '1', lines: [] } };
    const closed = rows.tombstone(each, 'A', [undefined]);
    expect(isClosing(closed)).toBe(true);
    expect(closed.hash).toBe(contentHash(dataset.name, closed.key, null));
    expect(isClosing(inOrder(closed, 'later', 'm9'))).toBe(true);
  });
});
