import { type PipelineConfig, rowsKept } from '@tributary/shared';
import type { Histories } from './history.js';
import type { FinalRecord, FinalRecords } from './records.js';
import type { Tally } from './report.js';

/** What was removed from the sink for good. */
export interface Removed {
  /** When `retention.rows` was last done, in milliseconds since 1970: what was too old by then has no row. */
  readonly retainedAt?: number;
  /** Keys that were erased, by entity. */
  readonly erased?: ReadonlyMap<string, ReadonlySet<string>>;
}

const DAY = 86_400_000;

/** When a record says that it is from, in milliseconds since 1970: a day counts from its end. NaN if it does not say. */
const timeOf = (text: unknown): number =>
  /^\d{4}-\d\d-\d\d$/.test(String(text)) ? Date.parse(String(text)) + DAY : Date.parse(String(text));

/**
 * Expects no more what is gone by `retention.rows` or was erased. What is too old may have no row; what has one, must have the right one, unless it was
 * too old already when that was done last. Written from docs/privacy.md, without a look at the consumer's code.
 */
export function expectNoMore(
  {
    config,
    removed = {},
    now,
  }: { readonly config: PipelineConfig; readonly removed?: Removed | undefined; readonly now: number },
  entity: string,
  { final, histories, tally }: { readonly final: FinalRecords; readonly histories: Histories; readonly tally: Tally },
): void {
  for (const key of removed.erased?.get(entity) ?? []) {
    final.forget(key);
    if (histories.get(key) !== undefined) tally.problem('stale', () => `${key} was erased, and has a row`);
  }
  const kept = rowsKept(config).get(entity);
  if (kept === undefined) return;
  const isOlder = ({ payload }: FinalRecord, than: number) => timeOf(payload?.[kept.by]) < than - kept.keep;
  for (const key of [...final.keys()]) {
    const record = final.record(key);
    if (record === undefined || !isOlder(record, now)) continue;
    const mustBeGone = removed.retainedAt !== undefined && isOlder(record, removed.retainedAt);
    if (mustBeGone || histories.get(key) === undefined) final.forget(key);
  }
}
