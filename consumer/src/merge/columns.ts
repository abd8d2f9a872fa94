import {
  byName,
  compareDecimals,
  compileCanonicalJson,
  compileObject,
  compileOwnValue,
  type Field,
  type FieldType,
  fieldOfSource,
  type MergeConfig,
  type MergedColumn,
  type MergedParts,
  mergedColumns,
  multiplyDecimals,
  type Payload,
  type PipelineConfig,
  partOfSource,
  plainDecimal,
  rememberAll,
  rememberLast,
  runsOf,
} from '@tributary/shared';

/** The records that a row is made of. */
export type Joined = Omit<MergedParts, 'derived'>;

/** Reads one value out of what a merged row is made of. */
type Source = (joined: Joined) => unknown;

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
): MergedColumns {
  const columns = mergedColumns(merge).sort(byName);
  return {
    partsOf: compileParts(config, merge),
    valuesOf: compileValues(columns),
    jsonOf: compileJson(columns, fields),
  };
}

function compileParts(config: Pick<PipelineConfig, 'entities'>, merge: MergeConfig): MergedColumns['partsOf'] {
  const derived = Object.entries(merge.columns).flatMap(([name, definition]) =>
    typeof definition === 'string' ? [] : [{ name, source: compileDerived(config, merge, definition) }],
  );
  const make = compileObject(derived.map(({ name }) => name));
  return (joined) => {
    const { each, line, other } = joined;
    return { each, line, other, derived: make(derived.map(({ source }) => source(joined))) };
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
  const eachTexts = rememberLast(textsOf('each'));
  const otherTexts = rememberAll(textsOf('other'));
  const [lineTexts, derivedTexts] = [textsOf('line'), textsOf('derived')];
  // Where the text of a run stands among those of its part.
  const places = runs.map(({ part }, at) => ({
    part,
    at: runs.slice(0, at).filter((run) => run.part === part).length,
  }));
  return ({ each, line, other, derived }) => {
    const texts = {
      each: eachTexts(each),
      other: otherTexts(other),
      line: lineTexts(line),
      derived: derivedTexts(derived),
    };
    let json = '';
    for (const { part, at } of places) {
      const text = texts[part][at] ?? '';
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

/** A column that is no column of the dataset: there is none. */
const NO_FIELD: Field = { type: 'json', optional: true, maxLength: Number.MAX_SAFE_INTEGER };

function compileSource(merge: MergeConfig, source: string): Source {
  const { part, field } = partOfSource(merge, source);
  const read = compileOwnValue(field);
  if (part === 'line') return ({ line }) => read(line);
  if (part === 'each') return ({ each }) => read(each);
  return ({ other }) => read(other);
}

/** A value that is calculated with. */
interface Operand {
  readonly type: FieldType;
  readonly read: Source;
}

/**
 * A derived column has a value only if both its sources are numbers. A decimal, or a whole number beyond what a double holds,
 * is there as text, and is calculated with exactly.
 */
function compileDerived(
  config: Pick<PipelineConfig, 'entities'>,
  merge: MergeConfig,
  definition: Exclude<MergeConfig['columns'][string], string>,
): Source {
  const operandOf = (source: string): Operand => ({
    type: fieldOfSource(config, merge, source).type,
    read: compileSource(merge, source),
  });
  const isProduct = 'multiply' in definition;
  const [first, second] = isProduct ? definition.multiply : definition.atLeast;
  const [left, right] = [operandOf(first), operandOf(second)];
  const isDecimal = left.type === 'decimal' || right.type === 'decimal';
  return (joined) => {
    const [a, b] = [left.read(joined), right.read(joined)];
    if (typeof a === 'number' && typeof b === 'number' && !isDecimal) {
      if (!isProduct) return a >= b;
      const product = Number((a * b).toFixed(definition.decimals));
      return Number.isFinite(product) ? product : undefined;
    }
    const [exactA, exactB] = [digitsOf(a, left), digitsOf(b, right)];
    if (exactA === undefined || exactB === undefined) return undefined;
    if (!isProduct) return compareDecimals(exactA, exactB) >= 0;
    const product = multiplyDecimals(exactA, exactB, definition.decimals);
    return isDecimal ? product : Number(product);
  };
}

/** The digits of a number; undefined for anything else, also for text that only looks like one. */
function digitsOf(value: unknown, { type }: Operand): string | undefined {
  const isNumber = typeof value === 'number' || (typeof value === 'string' && ['integer', 'decimal'].includes(type));
  return isNumber ? plainDecimal(String(value)) : undefined;
}
