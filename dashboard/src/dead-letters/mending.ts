import {
  compileExpression,
  type EntityConfig,
  type Expression,
  ExpressionError,
  type Field,
  fromExpression,
  isMapping,
  ownValue,
  PoisonError,
  parseBody,
  RAW,
  stringifyJson,
  toExpression,
  type Variables,
  valueTypesFor,
} from '@tributary/shared';

/** What many dead letters are mended by: expressions (CEL), by the field that each gives a new value. */
export type Expressions = Readonly<Record<string, string>>;

/** A record before and after, as JSON of the fields that were set. */
export interface Mended {
  readonly body: Buffer;
  readonly before: string;
  readonly after: string;
}

interface Assignment {
  readonly name: string;
  readonly field: Field;
  readonly expression: Expression;
}

/** Expressions that were checked, and mend the record of one letter after the other. */
export class Mending {
  readonly expressions: Expressions;
  readonly fields: EntityConfig['fields'];
  readonly #assignments: readonly Assignment[];
  /** Fields that an expression reads. */
  readonly #read: readonly string[];

  /** @throws ExpressionError that names the field whose expression cannot be used, and says why */
  constructor({ fields }: Pick<EntityConfig, 'fields'>, expressions: Expressions) {
    this.expressions = expressions;
    this.fields = fields;
    this.#assignments = Object.entries(expressions).map(([name, text]) => assignment(name, text, fields));
    const names = new Set(this.#assignments.flatMap(({ expression }) => [...expression.names]));
    this.#read = Object.keys(fields).filter((name) => names.has(name));
  }

  /**
   * Every expression reads the record as it lies there. One that gives null takes its field out.
   * @param body of a letter
   * @throws PoisonError if the body is not a record, or if an expression cannot be evaluated for it
   */
  mend(body: Uint8Array): Mended {
    const record = parseBody(body);
    if (!isMapping(record)) {
      throw new PoisonError('not_an_object', 'the record is not an object, so it has no fields to set');
    }
    const values: Record<string, unknown> = { [RAW]: record };
    for (const name of this.#read) {
      const field = this.fields[name];
      if (field !== undefined) values[name] = toExpression(ownValue(record, name), field);
    }
    const mended = { ...record };
    for (const { name, field, expression } of this.#assignments) {
      const value = evaluated(name, expression, values);
      if (value === null || value === undefined) delete mended[name];
      else mended[name] = fromExpression(value, field.type);
    }
    const mendedBody = Buffer.from(textOf(mended));
    if (mendedBody.length > body.length + MOST_ADDED) {
      throw new PoisonError('record_too_large', `the expressions add more than ${MOST_ADDED} bytes to the record`);
    }
    return { body: mendedBody, before: this.#shown(record), after: this.#shown(mended) };
  }

  #shown(record: Readonly<Record<string, unknown>>): string {
    const shown = this.#assignments.flatMap(({ name }) =>
      Object.hasOwn(record, name) ? [[name, record[name]] as const] : [],
    );
    return textOf(Object.fromEntries(shown)).slice(0, LONGEST);
  }
}

/** Bytes that a record may become longer by: an expression of a hundred characters can make gigabytes. */
const MOST_ADDED = 1024 * 1024;

/** Characters of a record that are shown of an example. */
const LONGEST = 300;

const textOf = (record: unknown): string => stringifyJson(record) ?? '{}';

function assignment(name: string, text: string, fields: Readonly<Record<string, Field>>): Assignment {
  const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (field === undefined) {
    throw new ExpressionError(`there is no field "${name.slice(0, 100)}": ${Object.keys(fields).join(', ')} are there`);
  }
  // `null` has a type of its own, which no field has.
  const wanted = text.trim() === 'null' ? (['dyn'] as const) : valueTypesFor(field.type);
  try {
    const expression = compileExpression(text, anyValues(fields), wanted);
    // They lie outside of the heap, so that no limit of a process counts them.
    if (expression.usesBytes) throw new ExpressionError('bytes are not supported here: no field holds them');
    return { name, field, expression };
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    throw new ExpressionError(`${name}: ${error.message}`, { cause: error });
  }
}

/** A field of a dead letter may hold anything: that is why it is there. */
const anyValues = (fields: Readonly<Record<string, Field>>): Variables =>
  Object.fromEntries([...Object.keys(fields), RAW].map((name) => [name, { type: 'dyn', optional: true }]));

function evaluated(name: string, expression: Expression, values: Readonly<Record<string, unknown>>): unknown {
  try {
    return expression.evaluate(values);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    throw new PoisonError('expression_failed', `the expression for "${name}" fails: ${error.message}`, name);
  }
}
