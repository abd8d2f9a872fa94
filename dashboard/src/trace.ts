import type { PipelineConfig } from '@tributary/shared';
import type { DatasetReader, KeyPattern, Versions } from './readers/port.js';

/** One version of a record: where it came from, where it lies, what it changed. */
export interface TracedVersion {
  readonly deleted: boolean;
  readonly version: string;
  readonly hash: string;
  /** One, or both sides' of a merged row. */
  readonly messageIds: readonly string[];
  /** When the response that held it had arrived: a UUIDv7 tells; null for an id that is none. */
  readonly fetchedAt: string | null;
  /** The endpoints that give records of this entity. */
  readonly endpoints: readonly string[];
  readonly writtenAt: string;
  readonly consumer: string | null;
  readonly batch: number | null;
  readonly place: string;
  /** Against the version before it; every field for the first. */
  readonly changes: readonly { readonly field: string; readonly before: unknown; readonly after: unknown }[];
  readonly values: Readonly<Record<string, unknown>>;
}

export interface Trace {
  readonly dataset: string;
  readonly key: string;
  readonly versions: readonly TracedVersion[];
  readonly total: number;
  /** Merged rows of today that were made of this record. */
  readonly merged: readonly { readonly dataset: string; readonly rows: readonly string[]; readonly total: number }[];
}

/** Versions that are shown. */
const SHOWN = 50;
const MERGED_SHOWN = 20;

/** Follows one key of a dataset back to where it came from, and on to what was made of it. */
export async function traceKey(
  config: PipelineConfig,
  reader: DatasetReader,
  dataset: string,
  key: string,
  signal: AbortSignal,
): Promise<Trace | undefined> {
  // One more than is shown: the oldest of those shown has one before it.
  const found = await reader.versions(dataset, key, SHOWN + 1, signal);
  if (found === undefined) return undefined;
  const versions = versionsOf(found, endpointsOf(config, dataset)).slice(0, SHOWN);
  return { dataset, key, versions, total: found.total, merged: await mergedOf(config, reader, dataset, key, signal) };
}

function versionsOf({ columns, rows, places }: Versions, endpoints: readonly string[]): TracedVersion[] {
  const records = rows.map((row) => Object.fromEntries(columns.map(({ name }, index) => [name, row[index]])));
  const names = columns.filter(({ system }) => !system).map(({ name }) => name);
  return records.map((record, index) => {
    const text = (name: string) => String(record[name] ?? '');
    const messageIds = text('_message_id').split(' ').filter(Boolean);
    const before = records[index + 1];
    const deleted = record._deleted === true;
    const place = places[index];
    return {
      ...{ deleted, version: text('_version'), hash: text('_hash'), messageIds, endpoints },
      fetchedAt: fetchTime(messageIds),
      writtenAt: text('_written_at'),
      ...{ consumer: place?.writer ?? null, batch: place?.batch ?? null, place: place?.place ?? '' },
      changes: before === undefined || deleted ? [] : changesBetween(before, record, names),
      values: Object.fromEntries(names.map((name) => [name, record[name]])),
    };
  });
}

type ReadRecord = Readonly<Record<string, unknown>>;

function changesBetween(before: ReadRecord, after: ReadRecord, names: readonly string[]) {
  return names
    .filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]))
    .map((field) => ({ field, before: before[field] ?? null, after: after[field] ?? null }));
}

/** The first 48 bits of a UUIDv7 are milliseconds since the epoch (RFC 9562, section 5.7). Of two, the later counts. */
function fetchTime(messageIds: readonly string[]): string | null {
  const times = messageIds
    .filter((id) => /^[\da-f]{8}-[\da-f]{4}-7/i.test(id))
    .map((id) => Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16));
  return times.length === 0 ? null : new Date(Math.max(...times)).toISOString();
}

function endpointsOf({ entities, endpoints, merge }: PipelineConfig, dataset: string): string[] {
  const of = Object.entries(entities)
    .filter(([name, entity]) => entity.dataset === dataset || (merge?.dataset === dataset && isSide(merge, name)))
    .map(([name]) => name);
  return Object.entries(endpoints)
    .filter(([, { entity }]) => of.includes(entity))
    .map(([id]) => id);
}

const isSide = (merge: NonNullable<PipelineConfig['merge']>, entity: string): boolean =>
  merge.each.entity === entity || merge.with.entity === entity;

async function mergedOf(
  config: PipelineConfig,
  reader: DatasetReader,
  dataset: string,
  key: string,
  signal: AbortSignal,
) {
  const { merge, entities } = config;
  if (merge === undefined) return [];
  // A merged key is CUSTOMER/ITEM (see merge-rows.ts), with what could be mistaken for that escaped.
  const part = key.replaceAll('%', '%25').replaceAll('/', '%2F');
  const isEach = entities[merge.each.entity]?.dataset === dataset;
  if (!isEach && entities[merge.with.entity]?.dataset !== dataset) return [];
  const pattern: KeyPattern = { place: isEach ? 'first' : 'second', part };
  const found = await reader.keys(merge.dataset, pattern, MERGED_SHOWN, signal);
  return found === undefined || found.total === 0
    ? []
    : [{ dataset: merge.dataset, rows: found.keys, total: found.total }];
}
