import type { Collection, CollectionName } from '../crm/collection.js';
import type { Crm } from '../crm/crm.js';
import { isoTime } from '../crm/records.js';

/** A record that has been served at least once. */
export interface TruthRecord {
  /** Its key in the API, also if `record` has no key or another one. */
  readonly key: string;
  /** The time of its last change (ISO); the `updatedAt` of all records that were not put by hand. */
  readonly version: string;
  /** The newest version that was served. */
  readonly servedVersion: string;
  /** When that was served, by the clock of the mock CRM (ISO time). */
  readonly servedAt: string;
  /** Whether it has changed since, so that no client can know its state yet. */
  readonly pending: boolean;
  /** Whether it was removed: no client finds it any more. `record` is what it was, and `pending` is false. */
  readonly deleted: boolean;
  /** The record as it is now, with the same bytes as in an answer. */
  readonly record: unknown;
}

/**
 * `GET /admin/truth`, for audits: every record that has been served, as it is now, and the newest version that was
 * served. For large sizes, `GET /admin/truth/customers` and `GET /admin/truth/products` answer NDJSON: one
 * {@link TruthRecord} per line.
 *
 * Both are streamed. The list of records is fixed at the start, but each has the state of the moment at which it is sent.
 * For a consistent state, pause the changes first.
 */
export type TruthDocument = Readonly<
  Record<CollectionName, { readonly served: number; readonly records: readonly TruthRecord[] }>
>;

/** The text of a {@link TruthDocument}. */
export function* truthDocument(crm: Crm): Generator<string> {
  yield '{"customers":';
  yield* truthOf(crm.customers);
  yield ',"products":';
  yield* truthOf(crm.products);
  yield '}';
}

/** The {@link TruthRecord}s of a collection as NDJSON. */
export function* truthLines(collection: Collection): Generator<string> {
  for (const record of truthRecords(collection, collection.served.slots())) yield `${record}\n`;
}

function* truthOf(collection: Collection): Generator<string> {
  const slots = collection.served.slots();
  yield `{"served":${slots.length},"records":[`;
  let separator = '';
  for (const record of truthRecords(collection, slots)) {
    yield separator + record;
    separator = ',';
  }
  yield ']}';
}

function* truthRecords(collection: Collection, slots: Iterable<number>): Generator<string> {
  for (const slot of slots) {
    const { key, stamp, text, isGone } = collection.entry(slot);
    const serving = collection.served.of(slot);
    if (serving === undefined) continue;
    const about: Omit<TruthRecord, 'record'> = {
      key,
      version: isoTime(stamp),
      servedVersion: isoTime(serving.version),
      servedAt: isoTime(serving.at),
      pending: !isGone && serving.version < stamp,
      deleted: isGone,
    };
    // The text of the record is copied as it is: parsing would alter odd records, such as those with large numbers.
    yield `${JSON.stringify(about).slice(0, -1)},"record":${text}}`;
  }
}

const CHUNK = 64 * 1024;

/** The same text in larger pieces, because each piece is one write. */
export function* inChunks(pieces: Iterable<string>): Generator<string> {
  let chunk = '';
  for (const piece of pieces) {
    chunk += piece;
    if (chunk.length < CHUNK) continue;
    yield chunk;
    chunk = '';
  }
  if (chunk !== '') yield chunk;
}
