import type { EntityDraft, Remark } from '../draft.js';
import type { Guess } from '../guess.js';
import type { Names } from '../names.js';
import type { Column } from './column.js';
import { columnsOf } from './columns.js';
import { type Key, keyOf } from './key.js';
import { type Version, versionOf } from './version.js';

/** What records turned out to be. */
export interface Understood {
  readonly columns: readonly Column[];
  readonly key: Guess<Key>;
  readonly version: Guess<Version> | undefined;
  /** How many records were looked at, repeats left out. */
  readonly count: number;
}

export interface UnderstandOptions {
  readonly isText: boolean;
  /** The answer is one record. */
  readonly isSingle: boolean;
  readonly names: Names;
  /** What the request's time belongs to. */
  readonly since: string | undefined;
}

/** Columns, key and version of records. @returns undefined if nothing identifies them */
export function understand(
  records: readonly unknown[],
  { isText, isSingle, names, since }: UnderstandOptions,
): Understood | undefined {
  const different = [...new Map(records.map((record) => [JSON.stringify(record), record])).values()];
  const columns = columnsOf(different, { isText, isSingle });
  const found =
    isSingle && different.length === 1
      ? keyOfMeasurement(columns, names.entity)
      : keyOf(columns, different.length, names.entity);
  if (found === undefined) return undefined;
  const version = versionOf(columns, different.length, found.value, since);
  return { columns, key: found, version, count: different.length };
}

const MEASURED =
  /^(dt|ts|timestamp|time|observed(_at|At)?|measured(_at|At)?|observation_?time|last_?updated(_epoch)?|date|datetime)$/i;

/** One object with the time of a measurement: each measurement is a record, so its time belongs to the key. */
function keyOfMeasurement(columns: readonly Column[], entity: string): Guess<Key> | undefined {
  const own = keyOf(columns, 1, entity);
  const time = columns.find(
    ({ steps, type, filled }) =>
      filled > 0 && ['datetime', 'date'].includes(type) && MEASURED.test(String(steps.at(-1))),
  );
  if (own === undefined || time === undefined || own.value.includes(time)) return own;
  const reason = `the address gives one object: each measurement, told apart by ${time.name}, becomes a row of its own. With ${own.value.map(({ name }) => name).join(', ')} alone only the newest stays`;
  return { value: [...own.value, time], reason, isSure: false };
}

/** As many records say that a column is always filled. */
const MANY = 50;

export function entityDraft(
  { columns, key, version, count }: Understood,
  names: Names,
  keepsVersion: boolean,
): EntityDraft {
  const keyNames = key.value.map(({ name }) => name);
  const kept = keepsVersion ? version : undefined;
  const always = columns.filter(({ filled }) => filled === count);
  const required = always.filter(
    (column) => count >= MANY || keyNames.includes(column.name) || column === kept?.value.column,
  );
  const remarks: Record<string, Remark> = { key: { text: key.reason, isSure: key.isSure } };
  if (kept !== undefined) remarks.version = { text: kept.reason, isSure: kept.isSure };
  if (count < MANY)
    remarks.fields = {
      text: `of ${count} ${count === 1 ? 'record' : 'records'}: what they cannot tell is optional ("?")`,
      isSure: true,
    };
  return {
    name: names.entity,
    dataset: names.dataset,
    key: keyNames,
    version: kept?.value.column.name,
    columns,
    required: new Set(required.map(({ name }) => name)),
    remarks,
  };
}
