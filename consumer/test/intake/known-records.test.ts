import { describe, expect, test } from 'vitest';
import { KnownRecords } from '../../src/intake/known-records.js';
import { CUSTOMER, customer, INVENTORY, item } from '../support/records.js';

const bodyOf = (changes: Parameters<typeof customer>[0] = {}) => Buffer.from(JSON.stringify(customer(changes)));
const recordOf = (body: Buffer) => CUSTOMER.decode(JSON.parse(body.toString()));

describe('known records', () => {
  test('are found by their entity and their bytes, in any buffer', () => {
    const known = new KnownRecords();
    const record = recordOf(bodyOf());
    expect(known.of(CUSTOMER).find(bodyOf())).toBeUndefined();
    known.of(CUSTOMER).keep(bodyOf(), record);
    expect(known.of(CUSTOMER).find(bodyOf())).toBe(record);
    expect(known.of(CUSTOMER).find(bodyOf({ name: 'Bob' }))).toBeUndefined();
    expect(known.of(INVENTORY).find(bodyOf())).toBeUndefined();
  });

  test('are told apart if their bytes differ, even if a tolerant decoder reads the same characters from them', () => {
    const known = new KnownRecords();
    const [one, other] = [Buffer.from([0x22, 0xff, 0x22]), Buffer.from([0x22, 0xfe, 0x22])];
    known.of(CUSTOMER).keep(one, recordOf(bodyOf()));
    expect(one.toString('utf8')).toBe(other.toString('utf8'));
    expect(known.of(CUSTOMER).find(other)).toBeUndefined();
  });

  test.each([
    [60, 14_285],
    [400, 5_454],
    [15_000, 198],
  ])('of %i bytes are kept within the memory that they may take: about %i', (length, most) => {
    const known = new KnownRecords();
    const record = recordOf(bodyOf());
    const bodies = Array.from({ length: most * 2 }, (_, index) => Buffer.from(String(index).padEnd(length, '.')));
    for (const body of bodies) known.of(CUSTOMER).keep(body, record);
    const kept = bodies.filter((body) => known.of(CUSTOMER).find(body) !== undefined).length;
    expect(kept).toBeLessThanOrEqual(most);
    expect(kept).toBeGreaterThan(most * 0.95);
  });

  test('that come again in the same order each time are found as far as there is room, and do not displace each other', () => {
    const known = new KnownRecords();
    const record = recordOf(bodyOf());
    const bodies = Array.from({ length: 9_000 }, (_, index) => Buffer.from(String(index).padEnd(400, '.')));
    const poll = () => {
      let found = 0;
      for (const body of bodies) {
        if (known.of(CUSTOMER).find(body) === undefined) known.of(CUSTOMER).keep(body, record);
        else found++;
      }
      return found;
    };
    expect(poll()).toBe(0);
    for (let polls = 1; polls <= 5; polls++) expect(poll()).toBeGreaterThan(4_000);
  });

  test('of very large bodies are not kept, because each would displace hundreds of others', () => {
    const known = new KnownRecords();
    const large = Buffer.alloc(16_001, 'a');
    known.of(CUSTOMER).keep(bodyOf(), recordOf(bodyOf()));
    known.of(CUSTOMER).keep(large, recordOf(bodyOf()));
    expect(known.of(CUSTOMER).find(large)).toBeUndefined();
    expect(known.of(CUSTOMER).find(bodyOf())).toBeDefined();
  });

  test('of an entity with a field of type json are not kept, because the memory that they take is not known', () => {
    const known = new KnownRecords();
    const json = { type: 'json', optional: true, maxLength: 1_000 } as const;
    const entity = { ...INVENTORY, config: { ...INVENTORY.config, fields: { ...INVENTORY.config.fields, json } } };
    const body = Buffer.from(JSON.stringify(item()));
    known.of(entity).keep(body, INVENTORY.decode(item()));
    expect(known.of(entity).find(body)).toBeUndefined();
  });
});
