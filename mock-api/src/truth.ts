import type { Collection, CollectionName } from './collection.js';
import type { Crm } from './crm.js';
import { isoTime } from './records.js';

/** A record that has been served at least once. */
export interface TruthRecord {
  /** Where it stands in the API, also when `record` has no key or a wrong one. */
  readonly key: string;
  /** Its last change (ISO time); for records that the CRM made or changed itself, their `updatedAt`. */
  readonly version: string;
  /** The newest version that was served. */
  readonly servedVersion: string;
  /** When it was served last, by the mock's clock (ISO time). */
  readonly servedAt: string;
  /** Whether it changed since: no client can know this state yet. */
  readonly pending: boolean;
  /** The record as it is now, byte for byte as it would be served. */
  readonly record: unknown;
}

/**
 * `GET /admin/truth`, for checking: of each collection every record that has been served, as it is now, and what was
 * served of it last. For large sizes, `GET /admin/truth/customers` and `GET /admin/truth/products` are NDJSON: one
 * {@link TruthRecord} a line.
 *
 * Both are streamed. Which records there are is fixed at the start; their state is that of the moment they go out. For
 * a still picture, pause the changes first.
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
    const { key, stamp, text } = collection.entry(slot);
    const serving = collection.served.of(slot);
    if (serving === undefined) continue;
    const about: Omit<TruthRecord, 'record'> = {
      key,
      version: isoTime(stamp),
      servedVersion: isoTime(serving.version),
      servedAt: isoTime(serving.at),
      pending: serving.version < stamp,
    };
    // The record's own text goes in as it is: parsing it would lose what is odd about it.
    yield `${JSON.stringify(about).slice(0, -1)},"record":${text}}`;
  }
}

const CHUNK = 64 * 1024;

/** The same text in pieces worth a write each. */
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
