import { base, en, Faker } from '@faker-js/faker';
import { createRandomizer } from './randomizer.js';
import { AWKWARD_COMPANIES, AWKWARD_ITEMS, AWKWARD_NAMES, PLACES, SEGMENTS, WAREHOUSES } from './vocabulary.js';

export interface OrderLine {
  readonly sku: string;
  readonly quantity: number;
}

export interface Customer {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  /** In the national form. The international form starts with a plus, which a CSV writer has to neutralise. */
  readonly phone: string;
  /** Null for consumers. */
  readonly company: string | null;
  readonly city: string;
  readonly country: string;
  readonly segment: (typeof SEGMENTS)[number];
  /** Open order lines. Each sku occurs once, and is an item that exists. */
  readonly lines: readonly OrderLine[];
  /** True while the customer is deleted, though still listed; absent otherwise. */
  readonly archived?: true;
  /** ISO 8601, UTC, milliseconds. */
  readonly updatedAt: string;
}

export interface Item {
  readonly sku: string;
  readonly name: string;
  readonly category: string;
  /** At most two decimals. */
  readonly price: number;
  readonly currency: string;
  readonly stock: number;
  readonly reorderLevel: number;
  readonly warehouse: string;
  /** ISO 8601, UTC, milliseconds. */
  readonly updatedAt: string;
}

/** A form of key, such as C-000001. It gets more digits where a number needs them. Positions start at 0, keys at 1. */
export interface KeyForm {
  keyOf(position: number): string;
  /** @returns undefined for a key of another form */
  positionOf(key: string): number | undefined;
}

export const customerIds = keyForm('C-', 6);
export const skus = keyForm('SKU-', 5);

export const MOST_LINES = 5;

/** Added to the seed, so that customer 7 and item 7 get different random numbers. */
const CUSTOMER = 1;
const ITEM = 2;
/** One record in this many has awkward text. */
const AWKWARD_EVERY = 8;

/** A faker with a random source that is cheap to seed. The caller seeds it before each use. */
export const createFaker = (): Faker => new Faker({ locale: [en, base], randomizer: createRandomizer() });

/**
 * Makes the records that a CRM starts with. Record N depends on the seed and N only, so a CRM of 100,000 customers starts
 * with the same customers as one of 200, and no record has to be held in memory. (Only the order lines of customers
 * depend on more: they are drawn from all items.)
 */
export class RecordMaker {
  readonly #faker = createFaker();
  readonly #seed: number;
  readonly #items: number;

  constructor(seed: number, items: number) {
    this.#seed = seed;
    this.#items = items;
  }

  customer(position: number): Customer {
    const faker = this.#faker;
    faker.seed([this.#seed, CUSTOMER, position]);
    const firstName = faker.person.firstName();
    const lastName = faker.person.lastName();
    const place = faker.helpers.arrayElement(PLACES);
    const segment = faker.helpers.arrayElement(SEGMENTS);
    const company = awkward(position, 3, AWKWARD_COMPANIES) ?? faker.company.name();
    return {
      id: customerIds.keyOf(position),
      name: awkward(position, 1, AWKWARD_NAMES) ?? `${firstName} ${lastName}`,
      email: faker.internet.exampleEmail({ firstName, lastName }).toLowerCase(),
      phone: drawPhone(faker, place.areaCode),
      company: segment === 'consumer' ? null : company,
      city: place.city,
      country: place.country,
      segment,
      lines: drawLines(faker, this.#items),
      updatedAt: isoTime(initialStamp(position)),
    };
  }

  item(position: number): Item {
    const faker = this.#faker;
    faker.seed([this.#seed, ITEM, position]);
    return {
      sku: skus.keyOf(position),
      name: awkward(position, 5, AWKWARD_ITEMS) ?? faker.commerce.productName(),
      category: faker.commerce.department(),
      price: faker.number.int({ min: 99, max: 99_999 }) / 100,
      currency: 'EUR',
      // Some items are out of stock from the start.
      stock: Math.max(0, faker.number.int({ min: -20, max: 500 })),
      reorderLevel: faker.number.int({ min: 1, max: 10 }) * 5,
      warehouse: faker.helpers.arrayElement(WAREHOUSES),
      updatedAt: isoTime(initialStamp(position)),
    };
  }
}

/** A phone number in its national form: "030 555 0123". */
export function drawPhone(faker: Faker, areaCode: string): string {
  return `${areaCode} ${faker.string.numeric({ length: 3, allowLeadingZeros: false })} ${faker.string.numeric(4)}`;
}

export const drawQuantity = (faker: Faker): number => faker.number.int({ min: 1, max: 20 });

function drawLines(faker: Faker, items: number): OrderLine[] {
  const count = Math.min(items, faker.number.int({ min: 1, max: MOST_LINES }));
  const positions = new Set<number>();
  while (positions.size < count) positions.add(faker.number.int({ min: 0, max: items - 1 }));
  return [...positions].map((position) => ({ sku: skus.keyOf(position), quantity: drawQuantity(faker) }));
}

const FIRST = Date.UTC(2024, 0, 1);
const INTERVAL = 1_000;

/**
 * When record N was last updated at the start, in milliseconds since the epoch. It is later for each N and computed, so
 * that a listing by time needs neither the records nor a sort.
 */
export function initialStamp(position: number): number {
  return FIRST + position * INTERVAL + ((position * 7_919) % INTERVAL);
}

/** The first position whose record was last updated at `time` or later. */
export function firstChangedSince(time: number): number {
  const position = Math.max(0, Math.floor((time - FIRST) / INTERVAL));
  return initialStamp(position) < time ? position + 1 : position;
}

export const isoTime = (time: number): string => new Date(time).toISOString();

function awkward(position: number, remainder: number, texts: readonly string[]): string | undefined {
  if (position % AWKWARD_EVERY !== remainder) return undefined;
  return texts[Math.floor(position / AWKWARD_EVERY) % texts.length];
}

function keyForm(prefix: string, digits: number): KeyForm {
  const keyOf = (position: number) => prefix + String(position + 1).padStart(digits, '0');
  return {
    keyOf,
    positionOf(key) {
      const position = Number(key.slice(prefix.length)) - 1;
      return Number.isSafeInteger(position) && position >= 0 && keyOf(position) === key ? position : undefined;
    },
  };
}
