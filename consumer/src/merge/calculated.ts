import {
  canonicalInteger,
  compileExpression,
  compileFields,
  compileOwnValue,
  describeError,
  ExactDecimal,
  type Expression,
  type Field,
  fromExpression,
  type MergeConfig,
  type MergedParts,
  type PipelineConfig,
  partOfSource,
  plainDecimal,
  roundDecimal,
  sidesOfMerge,
  toExpression,
  valueTypesFor,
  variablesOfRecords,
} from '@tributary/shared';

/** The records that a row is made of. */
export type Joined = Omit<MergedParts, 'derived'>;

/** A column that is calculated, as the pipeline file has it. */
export type Calculated = Exclude<MergeConfig['columns'][string], string>;

/** Told of an expression that failed on a row: the column stays empty. */
export type OnColumnFailed = (dataset: string, column: string, reason: string) => void;

/**
 * Reads a column that is calculated. It has no value where a field that its expression needs is absent, or where it cannot be
 * evaluated; of the latter is told. A decimal, or a whole number beyond what a double holds, is there as text, and is calculated with exactly.
 */
export function compileCalculated(
  config: Pick<PipelineConfig, 'entities'>,
  merge: MergeConfig,
  [name, { type, decimals, value }]: readonly [name: string, column: Calculated],
  onFailed: OnColumnFailed,
): (joined: Joined) => unknown {
  const sides = sidesOfMerge(config, merge);
  const expression = compileExpression(value, variablesOfRecords(sides), valueTypesFor(type));
  const evaluate = compileEvaluation(expression, merge, sides);
  const convert = compileConversion(type, decimals);
  const quick = expression.arithmetic<Joined>((side, field) => compileRead(merge, side, field));
  const calculate = (joined: Joined): unknown => {
    let isOfNothing = false;
    try {
      const found = evaluate(joined, () => {
        isOfNothing = true;
      });
      if (found === null || found === '') return undefined;
      const converted = convert(found);
      if (converted !== undefined) return converted;
      onFailed(merge.dataset, name, `its value cannot be kept as ${type}`);
    } catch (error) {
      // Nothing comes of nothing.
      if (!isOfNothing) onFailed(merge.dataset, name, describeError(error));
    }
    return undefined;
  };
  if (quick === undefined) return calculate;
  return (joined) => {
    const found = quick(joined);
    if (found === null) return undefined;
    return (found === undefined ? undefined : convert(found)) ?? calculate(joined);
  };
}

function compileRead(merge: MergeConfig, side: string, field: string): (joined: Joined) => unknown {
  const { part } = partOfSource(merge, `${side}.${field}`);
  const read = compileOwnValue(field);
  // A read by a name that stands here costs less than one by a name that varies.
  if (part === 'line') return ({ line }) => read(line);
  if (part === 'each') return ({ each }) => read(each);
  if (part === 'other') return ({ other }) => read(other);
  return (joined) => read(joined[part]);
}

/** Evaluates the expression for the records that a row is made of. */
function compileEvaluation(
  expression: Expression,
  merge: MergeConfig,
  sides: Readonly<Record<string, Readonly<Record<string, Field>>>>,
): (joined: Joined, onAbsent: () => void) => unknown {
  const fields = Object.entries(sides).flatMap(([side, own]) =>
    [...expression.propertiesOf(side)].flatMap((name) => {
      const field = own[name];
      return field === undefined ? [] : [{ side, name, field, read: compileRead(merge, side, name) }];
    }),
  );
  return (joined, onAbsent) => {
    // Maps, for a field may have a name that every object has.
    const values: Record<string, Map<string, unknown>> = {};
    for (const { side, name, field, read } of fields) {
      const value = toExpression(read(joined), field);
      if (value === null) onAbsent();
      values[side] ??= new Map();
      values[side].set(name, value);
    }
    return expression.evaluate(values);
  };
}

/** What an expression gave as a value of the column; undefined if it is none. */
function compileConversion(type: Calculated['type'], decimals: number | undefined): (found: unknown) => unknown {
  if (type === 'boolean') return (found) => (typeof found === 'boolean' ? found : undefined);
  if (type === 'number') return (found) => numberOf(found, decimals);
  if (type === 'integer') return (found) => (typeof found === 'boolean' ? undefined : canonicalInteger(String(found)));
  if (type === 'decimal') {
    return (found) => {
      const text = isNumeric(found) ? plainDecimal(String(found)) : undefined;
      return text === undefined || decimals === undefined ? text : roundDecimal(text, decimals);
    };
  }
  const field: Field = { type, optional: true, maxLength: LONGEST };
  const fields = compileFields({ value: field });
  return (found) => fields.read({ value: fromExpression(found, type) })?.value;
}

/** A text that is made of others may be longer than each of them. */
const LONGEST = 10_000_000;

const isNumeric = (value: unknown): boolean =>
  typeof value === 'number' || typeof value === 'bigint' || value instanceof ExactDecimal;

function numberOf(found: unknown, decimals: number | undefined): number | undefined {
  if (!isNumeric(found)) return undefined;
  const number = Number(typeof found === 'object' ? String(found) : found);
  const rounded = decimals === undefined ? number : Number(number.toFixed(decimals));
  // Of -0 is made 0, as JSON has it.
  return Number.isFinite(rounded) ? rounded + 0 : undefined;
}
