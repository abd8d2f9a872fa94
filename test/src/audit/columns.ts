import {
  compileExpression,
  ExactDecimal,
  type Expression,
  type Field,
  type MergeConfig,
  type Payload,
  type PipelineConfig,
  toExpression,
  valueTypesFor,
  variablesOfRecords,
} from '@tributary/shared';

/** What a merged row is made of. */
export interface Parts {
  readonly each: Payload;
  readonly line: Payload;
  /** The records that the line points at. */
  readonly items: readonly Payload[];
}

type Fields = Readonly<Record<string, Field>>;
type Calculated = Exclude<MergeConfig['columns'][string], string>;

/** The values of a merged row's columns. Expressions are evaluated by CEL alone, without the short cuts that the consumer takes. */
export function valuesOf(config: PipelineConfig, merge: MergeConfig, { each, line, items }: Parts): Payload {
  const records: Readonly<Record<string, Payload>> = {
    line,
    ...Object.fromEntries(merge.with.map(({ entity }, place) => [entity, items[place] ?? {}])),
    [merge.each.entity]: each,
  };
  const values: Record<string, unknown> = {};
  for (const [name, column] of Object.entries(merge.columns)) {
    const value = typeof column === 'string' ? valueAt(records, column) : calculate(config, merge, column, records);
    if (value !== undefined && value !== null) values[name] = value;
  }
  return values;
}

function valueAt(records: Readonly<Record<string, Payload>>, source: string): unknown {
  const dot = source.indexOf('.');
  return records[source.slice(0, dot)]?.[source.slice(dot + 1)];
}

const compiled = new WeakMap<
  Calculated,
  { readonly expression: Expression; readonly sides: Readonly<Record<string, Fields>> }
>();

function compile({ entities }: PipelineConfig, merge: MergeConfig, column: Calculated) {
  const known = compiled.get(column);
  if (known !== undefined) return known;
  const each = entities[merge.each.entity]?.fields ?? {};
  const lines = merge.each.lines === undefined ? undefined : each[merge.each.lines]?.items;
  const sides = {
    [merge.each.entity]: each,
    ...Object.fromEntries(merge.with.map(({ entity }) => [entity, entities[entity]?.fields ?? {}])),
    ...(lines && { line: lines }),
  };
  const made = {
    expression: compileExpression(column.value, variablesOfRecords(sides), valueTypesFor(column.type)),
    sides,
  };
  compiled.set(column, made);
  return made;
}

function calculate(
  config: PipelineConfig,
  merge: MergeConfig,
  column: Calculated,
  records: Readonly<Record<string, Payload>>,
): unknown {
  const { expression, sides } = compile(config, merge, column);
  const values = Object.entries(sides).map(([side, fields]) => [
    side,
    Object.fromEntries(
      Object.entries(fields).map(([name, field]) => [name, toExpression(records[side]?.[name], field)]),
    ),
  ]);
  try {
    return inColumn(expression.evaluate(Object.fromEntries(values)), column);
  } catch {
    return undefined;
  }
}

/** What an expression gave as the column keeps it. */
function inColumn(value: unknown, { type, decimals }: Calculated): unknown {
  if (type === 'number') {
    const number = Number(String(value));
    const rounded = decimals === undefined ? number : Number(number.toFixed(decimals));
    return Number.isFinite(rounded) ? rounded + 0 : undefined;
  }
  if (type === 'decimal' && value !== null) {
    const exact = ExactDecimal.of(value as ExactDecimal | number | bigint);
    return decimals === undefined ? exact.toString() : rounded(exact.toString(), decimals);
  }
  if (value === '') return undefined;
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Date) return type === 'date' ? value.toISOString().slice(0, 10) : value.toISOString();
  return value;
}

/** Half is rounded away from zero. */
function rounded(text: string, decimals: number): string {
  const [whole = '', fraction = ''] = text.replace('-', '').split('.');
  const scale = Math.max(decimals, fraction.length);
  const unit = 10n ** BigInt(scale - decimals);
  const units = (BigInt(whole + fraction.padEnd(scale, '0')) * 2n + unit) / (unit * 2n);
  const digits = String(units).padStart(decimals + 1, '0');
  const shown = decimals === 0 ? digits : `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
  return text.startsWith('-') && units !== 0n ? `-${shown}` : shown;
}
