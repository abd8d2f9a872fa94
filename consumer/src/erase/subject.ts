import { type Clock, datasetsOf, type PipelineConfig } from '@tributary/shared';
import { createSink } from '../sinks/create.js';
import type { LandedRow } from '../sinks/port.js';
import { unreadIn } from './erase.js';
import { ErasedKeys } from './erasure.js';
import { holdsOf, isOf, whereIn } from './where.js';
import { refuseForeignOutput } from './written.js';

export interface SubjectOptions {
  readonly config: PipelineConfig;
  readonly entity: string;
  readonly key: string;
  readonly postgresUrl: string | undefined;
  readonly clock: Clock;
}

/** A row about a record. */
export interface HeldRow {
  readonly dataset: string;
  /** The part or table that holds it. */
  readonly place: string;
  readonly key: string;
  readonly version: string;
  readonly messageId: string;
  readonly deleted: boolean;
  readonly values: Readonly<Record<string, unknown>>;
}

/** What an output holds about one record. */
export interface Held {
  /** Its own rows and those of merges that it is a side of, also older ones as far as they are kept. Rows of aggregates are of nobody. */
  readonly rows: readonly HeldRow[];
  /** Other rows that name its key, or in which a cell, or a value in one, is its key. They are not erased with it. */
  readonly mentions: readonly HeldRow[];
  /** Whether the key was erased, or is being erased: its records are refused. */
  readonly erased: boolean;
  /** Lines that are no rows, by the part that holds them: another program has changed them. They may hold the record. */
  readonly unread: Readonly<Record<string, number>>;
}

/** Collects what the output holds about one record. Every row is read, so it takes as long as reading everything does. */
export async function collectHeld(options: SubjectOptions): Promise<Held> {
  const { config, entity, key } = options;
  const where = whereIn(config, options);
  const sink = createSink(options);
  const rows: HeldRow[] = [];
  const mentions: HeldRow[] = [];
  try {
    await refuseForeignOutput(sink, config);
    for (const dataset of datasetsOf(config)) {
      const rules = (where[dataset.name] ?? []).filter((rule) => rule !== 'all');
      const isMeant = (row: LandedRow) => isOf(rules, row, key) || holds(row.values, key);
      for await (const { place, row } of sink.find?.(dataset, isMeant) ?? []) {
        const { messageId, version, deleted, values } = row;
        const held = { dataset: dataset.name, place, key: row.key, version, messageId, deleted, values };
        (holdsOf(rules, row, key) ? rows : mentions).push(held);
      }
    }
    const erased = (await ErasedKeys.of(sink.erasures)).has(entity, key);
    return { rows, mentions, erased, unread: await unreadIn(sink, datasetsOf(config), where) };
  } finally {
    await sink.close();
  }
}

/** Whether a value, or one within it, is the key. */
function holds(value: unknown, key: string): boolean {
  if (typeof value === 'object' && value !== null) {
    const inner: readonly unknown[] = Object.values(value);
    return inner.length > 0 ? inner.some((one) => holds(one, key)) : String(value) === key;
  }
  return value !== undefined && String(value) === key;
}
