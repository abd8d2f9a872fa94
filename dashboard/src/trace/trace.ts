import type { PipelineConfig } from '@tributary/shared';
import type { Batch, DatasetReader, KeyPattern, Versions } from '../data/readers/port.js';
import type { Journal } from './journal.js';
import { runsOf, type Sent, type TracedRuns } from './runs.js';
import { seenAgainOf, type TracedAgain } from './seen-again.js';

/** One version of a record: where it came from, where it is, what it changed. */
export interface TracedVersion extends TracedRuns {
  readonly deleted: boolean;
  readonly version: string;
  readonly hash: string;
  /** One, or those of both sides of a merged row. */
  readonly messageIds: readonly string[];
  /** When the response that held it had arrived, by the time in its message id; null for an id that is not a UUIDv7. */
  readonly fetchedAt: string | null;
  /** The endpoints that bring records of this entity. */
  readonly endpoints: readonly string[];
  readonly writtenAt: string;
  readonly consumer: string | null;
  readonly batch: Batch | null;
  readonly place: string;
  /** What differs from the version before it; nothing for the first. */
  readonly changes: readonly { readonly field: string; readonly before: unknown; readonly after: unknown }[];
  readonly values: Readonly<Record<string, unknown>>;
}

export interface Trace {
  readonly dataset: string;
  readonly key: string;
  readonly versions: readonly TracedVersion[];
  readonly total: number;
  /** When it was last seen and dropped; null for rows of merges and aggregates, which do not come from an endpoint. */
  readonly seenAgain: TracedAgain | null;
  /** Merged rows that hold this record now. */
  readonly merged: readonly { readonly dataset: string; readonly rows: readonly string[]; readonly total: number }[];
}

/** Versions that are shown. */
const SHOWN = 50;
const MERGED_SHOWN = 20;

export interface TraceSources {
  readonly config: PipelineConfig;
  readonly reader: DatasetReader;
  /** Undefined if no setting says where it is. */
  readonly journal: Journal | undefined;
}

/**
 * Follows one key of a dataset back to where it came from, and on to the merged rows that were made of it.
 * @returns undefined if there is no such dataset
 */
export async function traceKey(
  { config, reader, journal }: TraceSources,
  dataset: string,
  key: string,
  signal: AbortSignal,
): Promise<Trace | undefined> {
  // One more than is shown, to compare the oldest that is shown with.
  const found = await reader.versions(dataset, key, SHOWN + 1, signal);
  if (found === undefined) return undefined;
  const entities = entitiesOf(config, dataset);
  const [versions, seenAgain, merged] = await Promise.all([
    Promise.all(versionsOf(found, config, entities).slice(0, SHOWN).map(addRuns)),
    [...config.merges, ...config.aggregates].some((one) => one.dataset === dataset)
      ? null
      : seenAgainOf(journal, dataset, key, signal),
    mergedOf(config, reader, dataset, key, signal),
  ]);
  return { dataset, key, versions, total: found.total, seenAgain, merged };

  async function addRuns({ sent, ...version }: SentVersion): Promise<TracedVersion> {
    return { ...version, ...(await runsOf(journal, sent)) };
  }
}

type SentVersion = Omit<TracedVersion, keyof TracedRuns> & { readonly sent: readonly Sent[] };

function versionsOf(
  { columns, rows, places }: Versions,
  config: PipelineConfig,
  entities: readonly string[],
): SentVersion[] {
  const endpoints = endpointsOf(config, entities);
  const records = rows.map((row) => Object.fromEntries(columns.map(({ name }, index) => [name, row[index]])));
  const names = columns.filter(({ system }) => !system).map(({ name }) => name);
  return records.map((record, index) => {
    const text = (name: string) => String(record[name] ?? '');
    // A half merged row has no message of its second side; if it was made once more, the time of that stands in its place.
    const messageIds = text('_message_id')
      .split(' ')
      .filter((id) => id !== '' && !id.startsWith('+'));
    const before = records[index + 1];
    const deleted = record._deleted === true;
    const place = places[index];
    const sent = messageIds.map((id, side) => ({
      time: timeOf(id),
      // A merged row has its sides' messages in the order of the sides.
      endpoints: messageIds.length <= entities.length ? endpointsOf(config, entities.slice(side, side + 1)) : endpoints,
    }));
    const times = sent.flatMap(({ time }) => time ?? []);
    return {
      sent,
      deleted,
      version: text('_version'),
      hash: text('_hash'),
      messageIds,
      endpoints,
      // Of two times, the later counts.
      fetchedAt: times.length === 0 ? null : new Date(Math.max(...times)).toISOString(),
      writtenAt: text('_written_at'),
      consumer: place?.writer ?? null,
      batch: place?.batch ?? null,
      place: place?.place ?? '',
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

/** The first 48 bits of a UUIDv7 are milliseconds since the epoch (RFC 9562, section 5.7). */
function timeOf(messageId: string): number | undefined {
  if (!/^[\da-f]{8}-[\da-f]{4}-7/i.test(messageId)) return undefined;
  return Number.parseInt(messageId.slice(0, 8) + messageId.slice(9, 13), 16);
}

/** The entity whose records a dataset holds; for a merge those of its two sides. */
function entitiesOf({ entities, merges }: PipelineConfig, dataset: string): string[] {
  const merge = merges.find((one) => one.dataset === dataset);
  if (merge !== undefined) return [merge.each.entity, ...merge.with.map(({ entity }) => entity)];
  return Object.keys(entities).filter((name) => entities[name]?.dataset === dataset);
}

const endpointsOf = ({ endpoints }: PipelineConfig, entities: readonly string[]): string[] =>
  Object.keys(endpoints).filter((id) => entities.includes(endpoints[id]?.entity ?? ''));

async function mergedOf(
  config: PipelineConfig,
  reader: DatasetReader,
  dataset: string,
  key: string,
  signal: AbortSignal,
) {
  const { merges, entities } = config;
  // A merged key is CUSTOMER/ITEM (see consumer/src/merge/rows.ts), with what could be mistaken for that escaped.
  const part = key.replaceAll('%', '%25').replaceAll('/', '%2F');
  const merged = merges.map(async (merge) => {
    const sides = [merge.each, ...merge.with];
    const place = sides.findIndex(({ entity }) => entities[entity]?.dataset === dataset);
    if (place === -1) return [];
    const pattern: KeyPattern = { place, part };
    const found = await reader.keys(merge.dataset, pattern, MERGED_SHOWN, signal);
    return found === undefined || found.total === 0
      ? []
      : [{ dataset: merge.dataset, rows: found.keys, total: found.total }];
  });
  return (await Promise.all(merged)).flat();
}
