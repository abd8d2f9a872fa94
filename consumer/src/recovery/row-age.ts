import { type PipelineConfig, type RowsKept, rowsKept } from '@tributary/shared';

/** A row, or a record that asks for one. */
export interface Aged {
  readonly version: string;
  /** Null of a tombstone. */
  readonly values: Readonly<Record<string, unknown>> | null;
}

/** Tells which rows of an entity are kept no longer. */
export type IsTooOld = (row: Aged, now: number) => boolean;

const DAY = 86_400_000;
/** A time or a day in canonical form. Other text says nothing: the parser of JavaScript takes nearly any text for some date. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/;
const DATE = /^\d{4}-\d\d-\d\d$/;

/** By entity, which of its rows are kept no longer; entities whose rows are kept for ever are left out. */
export function rowAges(config: Pick<PipelineConfig, 'retention' | 'entities'>): ReadonlyMap<string, IsTooOld> {
  const ages = [...rowsKept(config)].map(([name, kept]) => {
    const isVersion = config.entities[name]?.version === kept.by;
    return [name, isTooOldOf(kept, isVersion)] as const;
  });
  return new Map(ages);
}

/** @param isVersion whether the version tells the age: then it does so of a tombstone too, which has no fields. Otherwise a tombstone is never too old */
function isTooOldOf({ keep, by }: RowsKept, isVersion: boolean): IsTooOld {
  return ({ version, values }, now) => {
    const text = values === null ? (isVersion ? version : '') : values[by];
    const at = typeof text === 'string' ? endOf(text) : Number.NaN;
    return at < now - keep;
  };
}

/** A day is as old as its end. NaN of what is no time: that is never too old. */
function endOf(text: string): number {
  if (TIME.test(text)) return Date.parse(text);
  return DATE.test(text) ? Date.parse(text) + DAY : Number.NaN;
}
