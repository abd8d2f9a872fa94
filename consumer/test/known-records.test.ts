import { describe, expect, test } from 'vitest';
import { KnownRecords } from '../src/known-records.js';
import { CUSTOMER, customer } from './records.js';

const bodyOf = (changes: Parameters<typeof customer>[0] = {}) => Buffer.from(JSON.stringify(customer(changes)));
const recordOf = (body: Buffer) => CUSTOMER.decode(JSON.parse(body.toString()));

describe('known records', () => {
  test('are found by their bytes, in whatever buffer they come', () => {
    const known = new KnownRecords();
    const record = recordOf(bodyOf());
    expect(known.find(bodyOf())).toBeUndefined();
    known.keep(bodyOf(), record);
    expect(known.find(bodyOf())).toBe(record);
    expect(known.find(bodyOf({ name: 'Bob' }))).toBeUndefined();
  });

  test('are not mixed up where bytes are different, but the same characters to who reads them loosely', () => {
    const known = new KnownRecords();
    const [one, other] = [Buffer.from([0x22, 0xff, 0x22]), Buffer.from([0x22, 0xfe, 0x22])];
    known.keep(one, recordOf(bodyOf()));
    expect(one.toString('utf8')).toBe(other.toString('utf8'));
    expect(known.find(other)).toBeUndefined();
  });

  test('are bounded by the bytes of their bodies: those that were not asked for longest go first', () => {
    const known = new KnownRecords();
    const bodies = Array.from({ length: 50 }, (_, index) => Buffer.alloc(90_000, index + 1));
    const record = recordOf(bodyOf());
    for (const body of bodies) {
      known.keep(body, record);
      known.find(bodies[0] ?? body);
    }
    const kept = bodies.map((body) => known.find(body) !== undefined);
    expect(kept.filter(Boolean)).toHaveLength(Math.floor(4_000_000 / 90_000));
    expect(kept[0]).toBe(true);
    expect(kept[1]).toBe(false);
    expect(kept.at(-1)).toBe(true);
  });

  test('of very large bodies are not kept, as each would drive out hundreds of others', () => {
    const known = new KnownRecords();
    const large = Buffer.alloc(100_001, 'a');
    known.keep(bodyOf(), recordOf(bodyOf()));
    known.keep(large, recordOf(bodyOf()));
    expect(known.find(large)).toBeUndefined();
    expect(known.find(bodyOf())).toBeDefined();
  });
});
