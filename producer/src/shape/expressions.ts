import {
  compileExpression,
  describeError,
  type Expression,
  type Field,
  fieldsBefore,
  fromExpression,
  RAW,
  toExpression,
  valueTypesFor,
  variablesOf,
} from '@tributary/shared';
import { type Convert, converterOf } from './convert.js';
import type { ShapeEvents } from './endpoint-findings.js';

type Fields = Readonly<Record<string, Field>>;

/** A field that an expression computes. */
interface ComputedField {
  readonly name: string;
  readonly optional: boolean;
  readonly expression: Expression;
  /** What the expression gave, as a value of the field. */
  readonly convert: Convert;
}

/** The expressions over the records of one endpoint: those that compute fields, in their order, and `where`. */
export class RecordExpressions {
  readonly #computed: readonly ComputedField[];
  readonly #where: Expression | undefined;
  /** The fields that an expression reads, and what they are. */
  readonly #read: readonly (readonly [name: string, field: Field])[];
  readonly #events: ShapeEvents;
  /** Filled anew for each record. */
  readonly #values: Record<string, unknown> = Object.create(null);

  constructor(fields: Fields, where: string | undefined, events: ShapeEvents) {
    this.#computed = Object.entries(fields).flatMap(([name, field]) => compileField(name, field, fields, events) ?? []);
    this.#where = where === undefined ? undefined : compileExpression(where, variablesOf(fields), ['bool']);
    const names = this.#expressions().flatMap((expression) => [...expression.names]);
    this.#read = Object.entries(fields).filter(([name]) => name !== RAW && names.includes(name));
    this.#events = events;
  }

  get areNone(): boolean {
    return this.#computed.length === 0 && this.#where === undefined;
  }

  /** Properties of the raw record that they read, which are known by that. */
  get rawNames(): readonly string[] {
    return this.#expressions().flatMap((expression) => [...expression.propertiesOf(RAW)]);
  }

  /**
   * Adds what is computed to a record. An expression that fails costs no record: what it should have computed is absent.
   * @returns whether `where` leaves the record out
   */
  apply(raw: unknown, record: Record<string, unknown>): boolean {
    const values = this.#values;
    for (const [name, field] of this.#read) values[name] = toExpression(record[name], field);
    values[RAW] = raw;
    for (const field of this.#computed) this.#compute(field, record);
    return this.#isFiltered();
  }

  #compute({ name, optional, expression, convert }: ComputedField, record: Record<string, unknown>): void {
    const values = this.#values;
    let value: unknown;
    try {
      value = convert(expression.evaluate(values));
    } catch (error) {
      // Nothing comes of nothing: that is what optional fields are for.
      const isOfNothing = optional && [...expression.names].some((one) => values[one] === null);
      if (!isOfNothing) this.#events.failed(`fields.${name}`, describeError(error));
      return;
    }
    if (optional && (value === null || value === '')) return;
    record[name] = value;
    const read = this.#read.find(([one]) => one === name);
    if (read !== undefined) values[name] = toExpression(value, read[1]);
  }

  #isFiltered(): boolean {
    if (this.#where === undefined) return false;
    try {
      const value = this.#where.evaluate(this.#values);
      if (typeof value === 'boolean') return !value;
      this.#events.failed('where', `its value is ${String(value).slice(0, 40)}, expected true or false`);
    } catch (error) {
      this.#events.failed('where', describeError(error));
    }
    return false;
  }

  #expressions(): Expression[] {
    const computed = this.#computed.map(({ expression }) => expression);
    return this.#where === undefined ? computed : [...computed, this.#where];
  }
}

function compileField(name: string, field: Field, fields: Fields, events: ShapeEvents): ComputedField | undefined {
  const { type, optional, value } = field;
  if (value === undefined || type === 'list') return undefined;
  const expression = compileExpression(value, variablesOf(fieldsBefore(fields, name)), valueTypesFor(type));
  const toField = converterOf({ type }, () => events.cut(name));
  return { name, optional, expression, convert: (found) => toField(fromExpression(found, type)) };
}
