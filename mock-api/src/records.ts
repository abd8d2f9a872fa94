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
  /** National form. The international form begins with a plus, which a CSV writer has to neutralise. */
  readonly phone: string;
  /** Consumers begin without one. */
  readonly company: string | null;
  readonly city: string;
  readonly country: string;
  readonly segment: (typeof SEGMENTS)[number];
  /** Open order lines: each sku once, and every one of them exists. */
  readonly lines: readonly OrderLine[];
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

/** A form of key, such as C-000001: it grows a digit where the numbers outgrow it. Positions count from 0, keys from 1. */
export interface KeyForm {
  keyOf(position: number): string;
  /** undefined for a key of another form */
  positionOf(key: string): number | undefined;
}

export const customerIds = keyForm('C-', 6);
export const skus = keyForm('SKU-', 5);

export const MOST_LINES = 5;

/** Seeds of the different kinds of record differ by this, so that customer 7 and item 7 share no luck. */
const CUSTOMER = 1;
const ITEM = 2;
/** One record in so many has awkward text. */
const AWKWARD_EVERY = 8;

/** A faker on a random source that is cheap to seed; whoever draws from it seeds it first. */
export const createFaker = (): Faker => new Faker({ locale: [en, base], randomizer: createRandomizer() });

/**
 * Makes the records of a CRM that nobody has touched yet. Record N is a function of the seed and N alone, so a CRM of
 * 100,000 customers begins with the very customers of one of 200, and none needs to be held in memory. (Only the order
 * lines of customers look further: they are drawn from the items there are.)
 */
export class RecordMaker {
  readonly #faker = createFaker();

  constructor(
    readonly seed: number,
    readonly items: number,
  ) {}

  customer(position: number): Customer {
    const faker = this.#faker;
    faker.seed([this.seed, CUSTOMER, position]);
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
      lines: drawLines(faker, this.items),
      updatedAt: isoTime(bornAt(position)),
    };
  }

  item(position: number): Item {
    const faker = this.#faker;
    faker.seed([this.seed, ITEM, position]);
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
      updatedAt: isoTime(bornAt(position)),
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

const FIRST_BORN = Date.UTC(2024, 0, 1);
const BORN_EVERY = 1_000;

/**
 * When record N was last updated before anybody touched it: later for each N, and computed rather than kept, so that a
 * listing by time needs neither the records nor a sort. Milliseconds since the epoch.
 */
export function bornAt(position: number): number {
  return FIRST_BORN + position * BORN_EVERY + ((position * 7_919) % BORN_EVERY);
}

/** The first position whose record was born at `time` or later. */
export function firstBornSince(time: number): number {
  const position = Math.max(0, Math.floor((time - FIRST_BORN) / BORN_EVERY));
  return bornAt(position) < time ? position + 1 : position;
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
