import { describe, expect, it } from 'vitest';
import { changeCustomer, changeItem } from '../src/crm/changes.js';
import { createFaker, RecordMaker } from '../src/crm/records.js';

const rounds = Array.from({ length: 3_000 }, (_, round) => round);

describe('a change', () => {
  it('gives a customer other content, and still one to five lines of different items', () => {
    const faker = createFaker();
    const maker = new RecordMaker(42, 6);
    let customer = maker.customer(1);
    const known = new Set(rounds.slice(0, 6).map((position) => maker.item(position).sku));
    const lineCounts = new Set<number>();
    for (const round of rounds) {
      faker.seed(round);
      const changed = changeCustomer(customer, faker, 6);
      expect(changed).not.toEqual(customer);
      expect(changed.id).toBe(customer.id);
      const ordered = changed.lines.map(({ sku }) => sku);
      expect(new Set(ordered).size).toBe(ordered.length);
      expect(ordered.filter((sku) => !known.has(sku))).toEqual([]);
      lineCounts.add(ordered.length);
      customer = changed;
    }
    expect([...lineCounts].sort()).toEqual([1, 2, 3, 4, 5]);
  });

  it('affects city, phone, segment and lines, each in some customer', () => {
    const faker = createFaker();
    const maker = new RecordMaker(42, 6);
    const touched = new Set<string>();
    for (const round of rounds) {
      faker.seed(round);
      const before = maker.customer(round);
      const after = changeCustomer(before, faker, 6);
      for (const field of Object.keys(before) as (keyof typeof before)[]) {
        if (before[field] !== after[field]) touched.add(field);
      }
    }
    expect([...touched].sort()).toEqual(['city', 'country', 'lines', 'phone', 'segment']);
  });

  it('gives an item another price or stock: the price positive in whole cents, the stock not negative', () => {
    const faker = createFaker();
    let item = new RecordMaker(42, 1).item(0);
    const touched = new Set<string>();
    for (const round of rounds) {
      faker.seed(round);
      const changed = changeItem(item, faker);
      expect(changed).not.toEqual(item);
      expect(changed.price).toBeGreaterThan(0);
      expect(Number(changed.price.toFixed(2))).toBe(changed.price);
      expect(changed.stock).toBeGreaterThanOrEqual(0);
      expect(Number.isInteger(changed.stock)).toBe(true);
      if (changed.price !== item.price) touched.add('price');
      if (changed.stock !== item.stock) touched.add('stock');
      item = changed;
    }
    expect([...touched].sort()).toEqual(['price', 'stock']);
  });

  it('is possible for a customer of a CRM without items', () => {
    const faker = createFaker();
    const customer = new RecordMaker(42, 0).customer(0);
    for (const round of rounds.slice(0, 50)) {
      faker.seed(round);
      expect(changeCustomer(customer, faker, 0)).not.toEqual(customer);
    }
  });
});
