import {
  byName,
  compileCanonicalJson,
  compileObject,
  compileOwnValue,
  type Field,
  type MergeConfig,
  type MergedColumn,
  type MergedParts,
  mergedColumns,
  type Payload,
  type PipelineConfig,
  rememberPart,
  runsOf,
} from '@tributary/shared';
import { compileCalculated, type Joined, type OnColumnFailed } from './calculated.js';

/** `columns` of a merge, compiled once. */
export interface MergedColumns {
  /** Calculates what is calculated. */
  partsOf(joined: Joined): MergedParts;
  /** The values of a row's columns. */
  valuesOf(parts: MergedParts): Payload;
  /** Their canonical JSON (RFC 8785). What comes of a part that other rows have as well is written once for all of them. */
  jsonOf(parts: MergedParts): string;
}

/** @param fields those of the merge's dataset */
export function compileColumns(
  config: Pick<PipelineConfig, 'entities'>,
  merge: MergeConfig,
  fields: Readonly<Record<string, Field>>,
  onFailed: OnColumnFailed = () => {},
): MergedColumns {
  const columns = mergedColumns(merge).sort(byName);
  return {
    partsOf: compileParts(config, merge, onFailed),
    valuesOf: compileValues(columns),
    jsonOf: compileJson(columns, fields),
  };
}

function compileParts(
  config: Pick<PipelineConfig, 'entities'>,
  merge: MergeConfig,
  onFailed: OnColumnFailed,
): MergedColumns['partsOf'] {
  const derived = Object.entries(merge.columns).flatMap(([name, column]) =>
    typeof column === 'string' ? [] : [{ name, source: compileCalculated(config, merge, [name, column], onFailed) }],
  );
  const make = compileObject(derived.map(({ name }) => name));
  const calculate = (joined: Joined) => make(derived.map(({ source }) => source(joined)));
  if (merge.with.length > 1) return (joined) => ({ ...joined, derived: calculate(joined) });
  return (joined) => {
    const { each, line, other } = joined;
    return { each, line, other, derived: calculate(joined) };
  };
}

function compileValues(columns: readonly MergedColumn[]): MergedColumns['valuesOf'] {
  const sources = columns.map(({ part, field }) => ({ part, read: compileOwnValue(field) }));
  const make = compileObject(columns.map(({ name }) => name));
  return (parts) => make(sources.map(({ part, read }) => read(parts[part])));
}

/** @param columns in the order of RFC 8785 */
function compileJson(
  columns: readonly MergedColumn[],
  fields: Readonly<Record<string, Field>>,
): MergedColumns['jsonOf'] {
  const runs = runsOf(columns);
  const textsOf = (part: MergedColumn['part']) => {
    const own = runs.filter((run) => run.part === part).map((run) => compileRun(run.columns, fields));
    return (payload: Payload): readonly string[] => own.map((write) => write(payload));
  };
  const names = [...new Set(runs.map(({ part }) => part))];
  const parts = names.map((part) => ({ part, write: rememberPart(part)(textsOf(part)) }));
  // Where the text of a run stands among those of its part.
  const places = runs.map(({ part }, at) => ({
    from: names.indexOf(part),
    at: runs.slice(0, at).filter((run) => run.part === part).length,
  }));
  return (row) => {
    const texts = parts.map(({ part, write }) => write(row[part] ?? NOTHING));
    let json = '';
    for (const { from, at } of places) {
      const text = texts[from]?.[at] ?? '';
      json += json === '' ? text.slice(1) : text;
    }
    return `{${json}}`;
  };
}

/** The members of these columns, with a comma before each. */
function compileRun(
  columns: readonly MergedColumn[],
  fields: Readonly<Record<string, Field>>,
): (payload: Payload) => string {
  const members = columns.map(({ name, field }) => ({
    name: `,${JSON.stringify(name)}:`,
    read: compileOwnValue(field),
    write: compileCanonicalJson(fields[name] ?? NO_FIELD),
  }));
  return (payload) => {
    let text = '';
    for (const { name, read, write } of members) {
      const value = read(payload);
      if (value !== undefined) text += name + write(value);
    }
    return text;
  };
}

/** A part that a row does not have: there is none. */
const NOTHING: Payload = {};

/** A column that is no column of the dataset: there is none. */
const NO_FIELD: Field = { type: 'json', optional: true, maxLength: Number.MAX_SAFE_INTEGER };
