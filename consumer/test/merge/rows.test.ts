import { contentHash, mergedOrder, versionOrder } from '@tributary/shared';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createMergeRows, mergedKey, readMergedKey, readSide, targetsOfLine, writeSide } from '../../src/merge/rows.js';
import { CRM, CUSTOMER, customer, type Fields, INVENTORY, item } from '../support/records.js';

const rows = present(createMergeRows(CRM)[0]);

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the CRM pipeline has a merge');
  return value;
}

const customerSide = (changes: Fields = {}, messageId = 'm1') => {
  const { key, version, payload } = CUSTOMER.decode(customer(changes));
  return { key, version, messageId, payload };
};
const itemSide = (changes: Fields = {}, messageId = 'm2') => {
  const { key, version, payload } = INVENTORY.decode(item(changes));
  return { key, version, messageId, payload };
};
const lines = (...of: Fields[]) => ({ lines: of });

function rowOf(each: ReturnType<typeof customerSide>, other = itemSide()) {
  const [line] = rows.lines(each.payload);
  if (line === undefined) throw new Error('a customer without lines makes no row');
  return present(rows.row(each, line, [other]));
}

describe('a merged row', () => {
  test("has both sides' columns, and what is derived from them", () => {
    const row = rowOf(customerSide({ phone: '+1' }));
    expect(row).toMatchObject({ dataset: 'customer_inventory', key: 'C-1/SKU-1' });
    expect(row.values).toEqual({
      customer_id: 'C-1',
      customer_name: 'Ada',
      customer_email: 'ada@example.org',
      customer_phone: '+1',
      customer_updated_at: '2025-01-01T00:00:00.000Z',
      sku: 'SKU-1',
      quantity: 2,
      item_name: 'Lamp',
      price: 19.99,
      currency: 'EUR',
      stock: 5,
      item_updated_at: '2025-01-01T00:00:00.000Z',
      line_value: 39.98,
      in_stock: true,
    });
  });

  test('has the content hash of what it holds, even of lists that landed under other declarations', () => {
    const columns = { id: 'customer.id', lines: 'customer.lines' };
    const config = { ...CRM, merges: CRM.merges.map((merge) => ({ ...merge, columns })) };
    const listed = present(createMergeRows(config)[0]);
    const line = { id: 'SKU-1', targets: ['SKU-1'], values: {} };
    for (const was of [[{ sku: 'SKU-1', note: 'gift', quantity: 2 }], { b: 1, a: 2 }, 'text']) {
      const each = { key: 'C-1', version: '', messageId: 'm1', payload: { id: 'C-1', lines: was } };
      const row = present(listed.row(each, line, [itemSide()]));
      expect(row.hash).toBe(contentHash(row.dataset, row.key, row.values));
    }
  });

  test('names both records that it was made of, and is ordered by both', () => {
    const [each, other] = [customerSide(), itemSide({ updatedAt: '2025-02-01T00:00:00Z' })];
    const row = rowOf(each, other);
    expect(row.version).toBe('2025-01-01T00:00:00.000Z 2025-02-01T00:00:00.000Z');
    expect(row.messageId).toBe('m1 m2');
    expect(row.order).toBe(mergedOrder(versionOrder(each.version, 'm1'), versionOrder(other.version, 'm2')));
    expect(rowOf(each, itemSide({ updatedAt: '2025-03-01T00:00:00Z' })).order > row.order).toBe(true);
    expect(rowOf(customerSide({ updatedAt: '2025-01-02T00:00:00Z' }), other).order > row.order).toBe(true);
  });

  test('has a hash of its content, and not of the time when it was made', () => {
    const row = rowOf(customerSide());
    expect(row.hash).toBe(contentHash('customer_inventory', row.key, row.values));
    expect(rowOf(customerSide({}, 'm8'), itemSide({}, 'm9')).hash).toBe(row.hash);
    expect(rowOf(customerSide(), itemSide({ stock: 4 })).hash).not.toBe(row.hash);
  });

  test.each([
    [3, 0.1, 0.3],
    [1, 1.005, 1],
    [7, 19.99, 139.93],
    [0, 19.99, 0],
    [-2, 19.99, -39.98],
    [1_000_000, 0.125, 125_000],
  ])('of %s at %s is worth %s', (quantity, price, value) => {
    const row = rowOf(customerSide(lines({ sku: 'SKU-1', quantity })), itemSide({ price }));
    expect(row.values?.line_value).toBe(value);
  });

  test.each([
    [5, 5, true],
    [5, 6, false],
    [0, 0, true],
    [-1, 0, false],
  ])('with %s in stock and %s ordered has in_stock %s', (stock, quantity, inStock) => {
    const row = rowOf(customerSide(lines({ sku: 'SKU-1', quantity })), itemSide({ stock }));
    expect(row.values?.in_stock).toBe(inStock);
  });

  test('has no value where a source has none, or where it is too large for a number', () => {
    const row = rowOf(customerSide(), itemSide({ warehouse: '' }));
    expect(row.values).not.toHaveProperty('warehouse');
    const huge = rowOf(customerSide(lines({ sku: 'SKU-1', quantity: 10 })), itemSide({ price: 1e308 }));
    expect(huge.values).not.toHaveProperty('line_value');
  });

  test('is closed by a tombstone of its key, which is newer', () => {
    const [each, other] = [customerSide(), itemSide()];
    const next = customerSide({ ...lines(), updatedAt: '2025-01-02T00:00:00Z' }, 'm3');
    const tombstone = rows.tombstone(next, 'SKU-1', [other]);
    expect(tombstone).toMatchObject({ key: rowOf(each, other).key, values: null, messageId: 'm3 m2' });
    expect(tombstone.hash).toBe(contentHash('customer_inventory', tombstone.key, null));
    expect(tombstone.order > rowOf(each, other).order).toBe(true);
    expect(rows.tombstone(next, 'SKU-1', [undefined])).toMatchObject({
      messageId: 'm3 ',
      version: '2025-01-02T00:00:00.000Z ',
    });
  });
});

describe('lines', () => {
  const ids = (...of: Fields[]) => rows.lines(customerSide(lines(...of)).payload).map(({ id }) => id);

  test('are named by what they point at', () => {
    expect(ids({ sku: 'A', quantity: 1 }, { sku: 'B', quantity: 1 })).toEqual(['A', 'B']);
  });

  test('to the same item are told apart by their number', () => {
    const repeated = ids(
      { sku: 'A', quantity: 1 },
      { sku: 'B', quantity: 1 },
      { sku: 'A', quantity: 2 },
      { sku: 'A', quantity: 2 },
    );
    expect(repeated).toEqual(['A', 'B', 'A\x012', 'A\x013']);
    expect(repeated.map(targetsOfLine)).toEqual([['A'], ['B'], ['A'], ['A']]);
    expect(repeated.map((id) => mergedKey('C-1', id))).toEqual(['C-1/A', 'C-1/B', 'C-1/A/2', 'C-1/A/3']);
  });

  test('that point at nothing make no row, and a record without lines makes none either', () => {
    expect(ids({ sku: '', quantity: 1 })).toEqual([]);
    expect(rows.lines({})).toEqual([]);
    // Neither text can be the key of an item.
    expect(ids({ sku: 'A\nB', quantity: 1 }, { sku: 'x'.repeat(513), quantity: 1 })).toEqual([]);
  });
});

describe('merged keys', () => {
  const keyText = fc.string({ unit: 'binary', minLength: 1 }).filter((text) => !/\p{Cc}/u.test(text));

  test('tell their record and line, whatever characters these hold', () => {
    const number = fc.constantFrom('', '\x012', '\x0117');
    fc.assert(
      fc.property(keyText, keyText, number, (eachKey, target, suffix) => {
        const lineId = target + suffix;
        expect(readMergedKey(mergedKey(eachKey, lineId))).toEqual({ eachKey, lineId });
      }),
    );
    for (const eachKey of ['a/b', '%2F', '%252F', '/', '%']) {
      expect(readMergedKey(mergedKey(eachKey, 'x/2'))).toEqual({ eachKey, lineId: 'x/2' });
    }
  });

  test('differ if their records or lines differ', () => {
    const line = fc.tuple(keyText, keyText);
    fc.assert(
      fc.property(line, line, ([a, b], [c, d]) => {
        fc.pre(a !== c || b !== d);
        expect(mergedKey(a, b)).not.toBe(mergedKey(c, d));
      }),
    );
    expect(mergedKey('a/b', 'c')).not.toBe(mergedKey('a', 'b/c'));
    expect(mergedKey('a', 'b/2')).not.toBe(mergedKey('a', 'b\x012'));
  });
});

test('a side is read as it was written', () => {
  const side = customerSide({ name: 'Zoë \u{1f600} "x" \u2028' });
  expect(readSide(side.key, writeSide(side))).toEqual(side);
});

test('a pipeline without a merge makes no merged rows', () => {
  expect(createMergeRows({ ...CRM, merges: [] })).toEqual([]);
});
