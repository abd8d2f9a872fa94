import type { Faker } from '@faker-js/faker';
import { type Customer, drawPhone, drawQuantity, type Item, MOST_LINES, type OrderLine, skus } from './records.js';
import { PLACES } from './vocabulary.js';

/** What can change in a customer, and in an item. */
/** `archive` and `remove` undo themselves: what is archived or removed comes back. */
export const CUSTOMER_KINDS = ['place', 'phone', 'segment', 'lines', 'archive'] as const;
export const ITEM_KINDS = ['price', 'stock', 'remove'] as const;
export type ChangeKind = (typeof CUSTOMER_KINDS)[number] | (typeof ITEM_KINDS)[number];

export const isItemKind = (kind: ChangeKind): boolean => ITEM_KINDS.some((one) => one === kind);

/**
 * The customer after a change: they moved, got another phone number or segment, or ordered something else. The content
 * always differs from before, whatever is drawn. The CRM sets `updatedAt`.
 *
 * @param faker seeded by the caller
 * @param items how many items there are to order
 * @param kind what changes; drawn at random unless given, and then customers are not archived
 */
export function changeCustomer(customer: Customer, faker: Faker, items: number, kind?: ChangeKind): Customer {
  // Lines are there twice, because they make merged rows appear and disappear.
  switch (kind ?? faker.helpers.arrayElement(['place', 'phone', 'segment', 'lines', 'lines'])) {
    case 'place': {
      const place = faker.helpers.arrayElement(PLACES.filter(({ city }) => city !== customer.city));
      const phone = drawPhone(faker, place.areaCode);
      return { ...customer, city: place.city, country: place.country, phone };
    }
    case 'segment':
      // A customer with a company gets another segment; a consumer stays a consumer.
      if (customer.company === null) break;
      return { ...customer, segment: customer.segment === 'business' ? 'enterprise' : 'business' };
    case 'archive':
      return archived(customer);
    case 'lines':
      if (items === 0) break;
      return { ...customer, lines: changeLines(customer.lines, faker, items) };
  }
  return { ...customer, phone: another(customer.phone, () => drawPhone(faker, customer.phone.split(' ')[0] ?? '030')) };
}

/** The customer with a mark that says that they are deleted, or without it again. */
function archived({ archived: before, ...customer }: Customer): Customer {
  return before === true ? customer : { ...customer, archived: true };
}

/** The item after a sale, a delivery, or a new price. The content always differs from before. */
export function changeItem(item: Item, faker: Faker, kind?: ChangeKind): Item {
  const draw = faker.number.int({ min: 1, max: 10 });
  if (kind === undefined ? draw <= 4 : kind === 'price') {
    const cents = Math.round(item.price * 100);
    const factor = faker.number.int({ min: 85, max: 115 }) / 100;
    const changed = Math.max(1, Math.round(cents * factor));
    return { ...item, price: (changed === cents ? cents + 1 : changed) / 100 };
  }
  const delivered = item.stock === 0 || draw === 10;
  const stock = delivered
    ? item.stock + faker.number.int({ min: 50, max: 200 })
    : item.stock - faker.number.int({ min: 1, max: Math.min(item.stock, 15) });
  return { ...item, stock };
}

function changeLines(lines: readonly OrderLine[], faker: Faker, items: number): OrderLine[] {
  const ways = [
    ...(lines.length < Math.min(MOST_LINES, items) ? ['add'] : []),
    ...(lines.length > 1 ? ['drop'] : []),
    'quantity',
  ];
  const way = faker.helpers.arrayElement(ways);
  if (way === 'add') {
    const ordered = new Set(lines.map(({ sku }) => sku));
    const sku = another(ordered, () => skus.keyOf(faker.number.int({ min: 0, max: items - 1 })));
    return [...lines, { sku, quantity: drawQuantity(faker) }];
  }
  const chosen = faker.number.int({ min: 0, max: lines.length - 1 });
  if (way === 'drop') return lines.toSpliced(chosen, 1);
  return lines.map((line, index) =>
    index === chosen ? { ...line, quantity: another(line.quantity, () => drawQuantity(faker)) } : line,
  );
}

/** Draws until the value is a new one. */
function another<T>(taken: T | ReadonlySet<T>, draw: () => T): T {
  const isTaken = taken instanceof Set ? (value: T) => taken.has(value) : (value: T) => value === taken;
  let value = draw();
  while (isTaken(value)) value = draw();
  return value;
}
