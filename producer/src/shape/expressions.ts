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

/** What becomes of a record: it is published, left out by `where`, or deleted by `deletes.when`. */
export type Fate = 'kept' | 'filtered' | 'deleted';

/** The conditions of an endpoint that decide about whole records. */
export interface Conditions {
  readonly where: string | undefined;
  /** `deletes.when` */
  readonly deleted: string | undefined;
}

/** The expressions over the records of one endpoint: those that compute fields, in their order, and those that decide about records. */
export class RecordExpressions {
  readonly #computed: readonly ComputedField[];
  readonly #where: Expression | undefined;
  readonly #deleted: Expression | undefined;
  /** The fields that an expression reads, and what they are. */
  readonly #read: readonly (readonly [name: string, field: Field])[];
  readonly #events: ShapeEvents;
  /** Filled anew for each record. */
  readonly #values: Record<string, unknown> = Object.create(null);

  constructor(fields: Fields, { where, deleted }: Conditions, events: ShapeEvents) {
    this.#computed = Object.entries(fields).flatMap(([name, field]) => compileField(name, field, fields, events) ?? []);
    const condition = (text: string | undefined) =>
      text === undefined ? undefined : compileExpression(text, variablesOf(fields), ['bool']);
    this.#where = condition(where);
    this.#deleted = condition(deleted);
    const names = this.#expressions().flatMap((expression) => [...expression.names]);
    this.#read = Object.entries(fields).filter(([name]) => name !== RAW && names.includes(name));
    this.#events = events;
  }

  get areNone(): boolean {
    return this.#expressions().length === 0;
  }

  /** Properties of the raw record that they read, which are known by that. */
  get rawNames(): readonly string[] {
    return this.#expressions().flatMap((expression) => [...expression.propertiesOf(RAW)]);
  }

  /**
   * Adds what is computed to a record. An expression that fails costs no record: what it should have computed is absent.
   * A record that is deleted is so also where `where` leaves it out: it may have been there before.
   */
  apply(raw: unknown, record: Record<string, unknown>): Fate {
    const values = this.#values;
    for (const [name, field] of this.#read) values[name] = toExpression(record[name], field);
    values[RAW] = raw;
    for (const field of this.#computed) this.#compute(field, record);
    if (this.#holds(this.#deleted, 'deletes.when', false)) return 'deleted';
    return this.#holds(this.#where, 'where', true) ? 'kept' : 'filtered';
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

  /** @param otherwise what counts if there is no such condition, or if it fails */
  #holds(condition: Expression | undefined, place: string, otherwise: boolean): boolean {
    if (condition === undefined) return otherwise;
    try {
      const value = condition.evaluate(this.#values);
      if (typeof value === 'boolean') return value;
      this.#events.failed(place, `its value is ${String(value).slice(0, 40)}, expected true or false`);
    } catch (error) {
      this.#events.failed(place, describeError(error));
    }
    return otherwise;
  }

  #expressions(): Expression[] {
    const computed = this.#computed.map(({ expression }) => expression);
    return [...computed, this.#where, this.#deleted].filter((expression) => expression !== undefined);
  }
}

function compileField(name: string, field: Field, fields: Fields, events: ShapeEvents): ComputedField | undefined {
  const { type, optional, value } = field;
  if (value === undefined || type === 'list') return undefined;
  const expression = compileExpression(value, variablesOf(fieldsBefore(fields, name)), valueTypesFor(type));
  const toField = converterOf({ type }, () => events.cut(name));
  return { name, optional, expression, convert: (found) => toField(fromExpression(found, type)) };
}
