import {
  byName,
  compareDecimals,
  compileObject,
  compileOwnValue,
  type FieldType,
  fieldOfSource,
  type MergeConfig,
  multiplyDecimals,
  type Payload,
  type PipelineConfig,
  plainDecimal,
} from '@tributary/shared';

/** Reads one value out of what a merged row is made of: a record of either side, or the line. */
type Source = (each: Payload, line: Payload, other: Payload) => unknown;

/** Compiles `columns` of a merge once: which value each column takes from where. */
export function compileColumns(
  config: Pick<PipelineConfig, 'entities'>,
  merge: MergeConfig,
): (each: Payload, line: Payload, other: Payload) => Payload {
  const columns = Object.entries(merge.columns)
    .map(([name, definition]) => ({
      name,
      source:
        typeof definition === 'string' ? compileSource(merge, definition) : compileDerived(config, merge, definition),
    }))
    // So nothing has to be sorted when the row is hashed.
    .sort(byName);
  const make = compileObject(columns.map(({ name }) => name));
  return (each, line, other) => make(columns.map(({ source }) => source(each, line, other)));
}

function compileSource(merge: MergeConfig, source: string): Source {
  const [side, field = ''] = source.split('.');
  const read = compileOwnValue(field);
  if (side === 'line') return (_each, line) => read(line);
  if (side === merge.each.entity) return read;
  return (_each, _line, other) => read(other);
}

/** A value that is calculated with. */
interface Operand {
  readonly type: FieldType;
  read(...records: Parameters<Source>): unknown;
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
  return (...records) => {
    const [a, b] = [left.read(...records), right.read(...records)];
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
