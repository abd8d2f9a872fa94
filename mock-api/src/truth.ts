import type { Collection } from './collection.js';
import type { Crm } from './crm.js';
import { isoTime } from './records.js';

/**
 * The truth for checking: every record that has been served at least once, as it is now, and what was served of it last.
 *
 * `GET /admin/truth` is one document,
 *
 *     {"customers": {"served": 2, "records": [RECORD, RECORD]}, "products": {"served": 0, "records": []}}
 *
 * and `GET /admin/truth/customers`, `GET /admin/truth/products` are NDJSON, one RECORD a line:
 *
 *     {"key": "C-000001",                           where it stands, also when `record` has no key or a wrong one
 *      "version": "2025-01-01T00:00:01.000Z",       its last change; for records by the CRM itself: its updatedAt
 *      "servedVersion": "2025-01-01T00:00:00.000Z", the newest version that was served
 *      "servedAt": "2025-01-01T00:00:00.500Z",      when that was (the mock's clock)
 *      "pending": true,                             whether it changed since: no client can know this state yet
 *      "record": {...}}                             the record as it is now, byte for byte as it would be served
 *
 * It is streamed: which records there are is fixed at the start, their state is that of the moment they go out. For a
 * still picture, pause the changes first.
 */
export function* truthDocument(crm: Crm): Generator<string> {
  yield '{"customers":';
  yield* truthOf(crm.customers);
  yield ',"products":';
  yield* truthOf(crm.products);
  yield '}';
}

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
    const about = {
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
