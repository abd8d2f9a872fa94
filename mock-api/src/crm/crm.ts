import type { Clock } from '@tributary/shared';
import { type ChangeKind, changeCustomer, changeItem, isItemKind } from './changes.js';
import { Collection, type CollectionName, type Entry } from './collection.js';
import {
  type Customer,
  createFaker,
  customerIds,
  type Item,
  initialStamp,
  isoTime,
  RecordMaker,
  skus,
} from './records.js';

export interface CrmOptions {
  readonly customers: number;
  readonly items: number;
  readonly seed: number;
  readonly clock: Pick<Clock, 'now'>;
  /** Called for every change, to count it. */
  readonly onChange?: (name: CollectionName) => void;
}

/** Which records changed, in the order of their changes; a record that changed twice is there twice. */
export type Changes = Readonly<Record<CollectionName, readonly string[]>>;

/** Added to the seed, so that changes differ from records and faults. */
const CHANGE = 3;

/**
 * A CRM in memory. Its first records, and which changes happen in which order, depend on its seed; only the times of the
 * changes come from the clock. A new process starts with the first records again.
 */
export class Crm {
  readonly customers: Collection;
  readonly products: Collection;
  readonly #options: CrmOptions;
  readonly #faker = createFaker();
  #lastStamp: number;
  #changes = 0;

  constructor(options: CrmOptions) {
    const { customers, items, seed } = options;
    const maker = new RecordMaker(seed, items);
    this.#options = options;
    this.customers = new Collection({
      name: 'customers',
      size: customers,
      make: (position) => maker.customer(position),
      ...customerIds,
    });
    this.products = new Collection({
      name: 'products',
      size: items,
      make: (position) => maker.item(position),
      ...skus,
    });
    this.#lastStamp = initialStamp(Math.max(customers, items));
  }

  /**
   * Makes `count` changes: customers move and order, items sell and get new prices. Records that were put by hand are
   * never changed; a CRM that has only such records has no changes.
   */
  change(count: number): Changes {
    const changes = { customers: [] as string[], products: [] as string[] };
    for (let done = 0; done < count; done++) {
      this.#faker.seed([this.#options.seed, CHANGE, this.#changes++]);
      const first = this.#faker.number.int({ min: 1, max: 5 }) <= 3 ? this.customers : this.products;
      const second = first === this.customers ? this.products : this.customers;
      const changed = this.#changeOneOf(first) ?? this.#changeOneOf(second);
      if (changed === undefined) break;
      changes[changed.name].push(changed.key);
    }
    return changes;
  }

  /**
   * Puts any JSON in the place of a record, also an invalid record, because real CRMs have those too. It is served as it
   * is. Its place in the order of changes is the time of the put, whatever its `updatedAt` says.
   */
  put(name: CollectionName, key: string, text: string): { readonly entry: Entry; readonly created: boolean } {
    this.#options.onChange?.(name);
    return this[name].put(key, text, this.#stamp());
  }

  /** Removes a record, as a person who deletes it for good. @returns whether there was one */
  remove(name: CollectionName, key: string): boolean {
    const entry = this[name].find(key);
    if (entry === undefined) return false;
    this[name].setGone(entry.slot, true, this.#stamp());
    this.#options.onChange?.(name);
    return true;
  }

  /** Makes one change of this kind. @returns whether there was a record to change */
  changeKind(kind: ChangeKind): boolean {
    this.#faker.seed([this.#options.seed, CHANGE, this.#changes++]);
    return this.#changeOneOf(isItemKind(kind) ? this.products : this.customers, kind) !== undefined;
  }

  /** Multiplies the price of every item. @returns how many items changed */
  reprice(factor: number): number {
    return this.#changeItems((item) => {
      const cents = Math.max(1, Math.round(item.price * 100 * factor));
      return { ...item, price: cents / 100 };
    });
  }

  /** Sets the stock of one item in `every` to 0. @returns how many items changed */
  sellOut(every: number): number {
    return this.#changeItems((item, slot) => (slot % every === 0 ? { ...item, stock: 0 } : item));
  }

  /** Gives every record a new version. @returns how many records got one */
  touchAll(): number {
    let touched = 0;
    for (const collection of [this.customers, this.products]) {
      for (let slot = 0; slot < collection.originals; slot++) {
        if (!collection.touch(slot, this.#stamp())) continue;
        touched += 1;
        this.#options.onChange?.(collection.name);
      }
    }
    return touched;
  }

  #changeItems(change: (item: Item, slot: number) => Item): number {
    const { products } = this;
    let changed = 0;
    for (let slot = 0; slot < products.originals; slot++) {
      if (products.changeableFrom(slot) !== slot) continue;
      const item = JSON.parse(products.entry(slot).text) as Item;
      const after = change(item, slot);
      if (after.price === item.price && after.stock === item.stock) continue;
      const stamp = this.#stamp();
      products.write(slot, JSON.stringify({ ...after, updatedAt: isoTime(stamp) }), stamp);
      this.#options.onChange?.(products.name);
      changed += 1;
    }
    return changed;
  }

  #changeOneOf(
    collection: Collection,
    kind?: ChangeKind,
  ): { readonly name: CollectionName; readonly key: string } | undefined {
    if (collection.originals === 0) return undefined;
    const start = this.#faker.number.int({ min: 0, max: collection.originals - 1 });
    const slot = collection.changeableFrom(start, kind === 'remove');
    if (slot === undefined) return undefined;
    const { key, text, isGone } = collection.entry(slot);
    const stamp = this.#stamp();
    if (kind === 'remove') {
      collection.setGone(slot, !isGone, stamp);
      this.#options.onChange?.(collection.name);
      return { name: collection.name, key };
    }
    const record: unknown = JSON.parse(text);
    const changed =
      collection === this.customers
        ? changeCustomer(record as Customer, this.#faker, this.#options.items, kind)
        : changeItem(record as Item, this.#faker, kind);
    collection.write(slot, JSON.stringify({ ...changed, updatedAt: isoTime(stamp) }), stamp);
    this.#options.onChange?.(collection.name);
    return { name: collection.name, key };
  }

  /**
   * The time of a change. It is later than the time of every change before, also within one millisecond and when the clock
   * is set back, so that it alone says which version is newer. After a burst it is ahead of the clock for a while.
   */
  #stamp(): number {
    this.#lastStamp = Math.max(Math.floor(this.#options.clock.now()), this.#lastStamp + 1);
    return this.#lastStamp;
  }
}
