import { encodeCell } from '@tributary/shared';
import { describe, expect, it } from 'vitest';
import { customerIds, firstChangedSince, initialStamp, RecordMaker, skus } from '../src/crm/records.js';

const many = Array.from({ length: 2_000 }, (_, position) => position);

describe('records', () => {
  it('are the same for the same seed, in any order of making', () => {
    const forwards = many.map((position) => new RecordMaker(7, 50).customer(position));
    const maker = new RecordMaker(7, 50);
    const backwards = many.toReversed().map((position) => maker.customer(position));
    expect(backwards.toReversed()).toEqual(forwards);
  });

  it('differ between seeds and between positions', () => {
    const texts = [1, 2].flatMap((seed) => {
      const maker = new RecordMaker(seed, 50);
      return many.map((position) => JSON.stringify({ ...maker.customer(position), id: '', updatedAt: '' }));
    });
    expect(new Set(texts).size).toBe(texts.length);
  });

  it('are these ones, so that a change of the mock cannot change its data unnoticed', () => {
    const maker = new RecordMaker(42, 50);
    expect(maker.customer(0)).toMatchInlineSnapshot(`
      {
        "city": "Zürich",
        "company": null,
        "country": "Switzerland",
        "email": "rachelle.kautzer32@example.net",
        "id": "C-000001",
        "lines": [
          {
            "quantity": 2,
            "sku": "SKU-00042",
          },
          {
            "quantity": 5,
            "sku": "SKU-00001",
          },
          {
            "quantity": 8,
            "sku": "SKU-00002",
          },
        ],
        "name": "Rachelle Kautzer",
        "phone": "044 517 7977",
        "segment": "consumer",
        "updatedAt": "2024-01-01T00:00:00.000Z",
      }
    `);
    expect(maker.item(4)).toMatchInlineSnapshot(`
      {
        "category": "Toys",
        "currency": "EUR",
        "name": "Generic Rubber Chips",
        "price": 165.26,
        "reorderLevel": 50,
        "sku": "SKU-00005",
        "stock": 50,
        "updatedAt": "2024-01-01T00:00:04.676Z",
        "warehouse": "Lyon",
      }
    `);
  });

  it('have one to five lines of different items that exist, as many as a small catalogue allows', () => {
    for (const items of [50, 3, 1]) {
      const maker = new RecordMaker(42, items);
      const known = new Set(many.slice(0, items).map((position) => maker.item(position).sku));
      const counts = new Set<number>();
      for (const position of many) {
        const ordered = maker.customer(position).lines.map(({ sku }) => sku);
        expect(new Set(ordered).size).toBe(ordered.length);
        expect(ordered.filter((sku) => !known.has(sku))).toEqual([]);
        counts.add(ordered.length);
      }
      expect([...counts].sort()).toEqual([1, 2, 3, 4, 5].slice(0, items));
    }
    expect(new RecordMaker(42, 0).customer(0).lines).toEqual([]);
  });

  it('have commas, quotes, apostrophes, umlauts and emoji, and no text that a CSV writer must neutralise', () => {
    const maker = new RecordMaker(42, 50);
    const texts = many
      .flatMap((position) => [maker.customer(position), maker.item(position)])
      .flatMap((record) => Object.values(record).filter((value) => typeof value === 'string'));
    for (const awkward of [/,/, /"/, /'/, /[äöüß]/, /\p{Extended_Pictographic}/u, /\p{Script=Han}/u]) {
      expect(texts.some((text) => awkward.test(text))).toBe(true);
    }
    const field = { type: 'string', optional: false, maxLength: 1_000 } as const;
    expect(texts.filter((text) => encodeCell(text, field, true) !== text)).toEqual([]);
  });

  it('have prices of two decimals at most', () => {
    const maker = new RecordMaker(42, 50);
    const prices = many.map((position) => maker.item(position).price);
    expect(prices.filter((price) => Number(price.toFixed(2)) !== price || price <= 0)).toEqual([]);
  });

  it('have later and later times at the start, and the first one since a time is computed', () => {
    for (const position of [0, 1, 999, 1_000, 1_799_999]) {
      const stamp = initialStamp(position);
      expect(initialStamp(position + 1)).toBeGreaterThan(stamp);
      expect(firstChangedSince(stamp)).toBe(position);
      expect(firstChangedSince(stamp + 1)).toBe(position + 1);
    }
    expect(firstChangedSince(0)).toBe(0);
  });

  it('have keys with as many digits as the number needs, and only the exact form is a key', () => {
    expect(customerIds.keyOf(0)).toBe('C-000001');
    expect(customerIds.keyOf(1_799_999)).toBe('C-1800000');
    expect(customerIds.positionOf('C-1800000')).toBe(1_799_999);
    expect(skus.positionOf('SKU-00050')).toBe(49);
    for (const key of ['C-1', 'C-000000', 'C-0000001', 'C-00000x', 'c-000001', 'SKU-00001', 'C-', '']) {
      expect(customerIds.positionOf(key)).toBeUndefined();
    }
  });
});
