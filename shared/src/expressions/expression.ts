import { Environment, EvaluationError, ParseError, TypeError as TypeFault } from '@marcbachmann/cel-js';
import { describeError } from '../errors.js';
import { expectedOneOf } from '../words.js';
import { compileArithmetic, type Quick } from './arithmetic.js';
import { addDecimals } from './decimal.js';
import type { ValueType, Variables } from './variables.js';
import { type Parts, partsOf } from './walk.js';

export type { ValueType, Variable, Variables } from './variables.js';

/** A CEL expression that was checked. */
export interface Expression {
  readonly text: string;
  /** The variables that it reads. */
  readonly names: ReadonlySet<string>;
  /** Whether it makes bytes of a text. */
  readonly usesBytes: boolean;
  /** Properties that it reads of a variable directly, as `raw.status` does. */
  propertiesOf(variable: string): ReadonlySet<string>;
  /**
   * A quick way to the value of simple arithmetic over fields of records, which most expressions are that are evaluated for each row;
   * undefined for any other expression.
   *
   * @param read how a field of a record is read
   */
  arithmetic<T>(read: (variable: string, field: string) => (of: T) => unknown): Quick<T> | undefined;
  /**
   * @param values of the variables that it reads, by name; null for one that is absent
   * @throws Error in words, if it cannot be evaluated for these values
   */
  evaluate(values: Readonly<Record<string, unknown>>): unknown;
}

/** An expression that cannot be used, in words. */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError';
  /** The name in it that nothing has, if that is what is wrong. */
  readonly unknown: string | undefined;

  constructor(message: string, options: { readonly cause?: unknown; readonly unknown?: string | undefined } = {}) {
    const { unknown, ...rest } = options;
    super(message, rest);
    this.unknown = unknown;
  }
}

const CEL_TYPES: Readonly<Record<ValueType, string>> = {
  string: 'string',
  int: 'int',
  double: 'double',
  decimal: 'decimal',
  bool: 'bool',
  timestamp: 'google.protobuf.Timestamp',
  list: 'list<dyn>',
  record: 'dyn',
  dyn: 'dyn',
};

const LIMITS = { maxAstNodes: 1_000, maxDepth: 50, maxListElements: 500, maxMapEntries: 100, maxCallArguments: 10 };

/**
 * Checks an expression (CEL, https://cel.dev) and makes it ready to be evaluated many times.
 *
 * @param wanted the types that its value may have
 * @throws ExpressionError if it is no expression, names what does not exist, has another type, or could take forever
 */
export function compileExpression(text: string, variables: Variables, wanted: readonly ValueType[]): Expression {
  const parsed = inWords(() => environmentFor(variables, 'to evaluate').parse(text), variables);
  const parts = partsOf(parsed.ast);
  const { names, properties, usesBytes, refused } = parts;
  if (refused !== undefined) throw new ExpressionError(refused);
  checkRecords(parts, variables);
  // As a person reads it: an optional text is a text that may be compared with null.
  const type = checkedType(() => environmentFor(variables, 'to check').check(text), variables);
  checkedType(() => parsed.check(), variables);
  const isWanted =
    type === 'dyn' || wanted.some((one) => CEL_TYPES[one] === type || (one === 'list' && /^list/.test(type)));
  if (!isWanted && !wanted.includes('dyn')) {
    throw new ExpressionError(`its value is of type ${type}, expected ${wanted.join(' or ')}${conversionTo(wanted)}`);
  }
  const none: ReadonlySet<string> = new Set();
  return {
    text,
    names: new Set([...names].filter((name) => Object.hasOwn(variables, name))),
    usesBytes,
    propertiesOf: (variable) => properties.get(variable) ?? none,
    arithmetic: (read) => compileArithmetic(parsed.ast, variables, read),
    evaluate: (values) => inWords(() => parsed(values) as unknown, variables),
  };
}

/**
 * Two readings of the same variables. Where an expression is evaluated, one that may be null has to be `dyn`, for the library
 * refuses null for any other type; where it is checked, it has its own type, so that a mistake is found before a record is.
 */
function environmentFor(variables: Variables, purpose: 'to check' | 'to evaluate'): Environment {
  const environment = new Environment({ homogeneousAggregateLiterals: false, limits: LIMITS });
  addDecimals(environment);
  environment.registerOperator('double == int', (a: number, b: bigint) => a === Number(b));
  for (const [name, { type, optional, fields }] of Object.entries(variables)) {
    if (!IDENTIFIER.test(name)) continue;
    if (fields !== undefined && purpose === 'to check') {
      environment.registerVariable(name, registerRecord(environment, name, fields));
    } else environment.registerVariable(name, CEL_TYPES[optional && purpose === 'to evaluate' ? 'dyn' : type]);
  }
  if (purpose === 'to check') {
    for (const type of ['string', 'int', 'double', 'decimal', 'bool', 'list<dyn>', CEL_TYPES.timestamp]) {
      environment.registerOperator(`${type} == null`, () => false);
    }
  }
  return environment;
}

/** @returns the type of a record with these fields */
function registerRecord(environment: Environment, name: string, fields: Variables): string {
  const type = `record.${name}`;
  const types = Object.entries(fields).map(([field, variable]) => [field, CEL_TYPES[variable.type]]);
  environment.registerType(type, { ctor: class {}, fields: Object.fromEntries(types) });
  return type;
}

/** The library would say of a field that a record lacks no more than that it is missing, and read of a record as a whole nothing. */
function checkRecords({ properties, whole }: Parts, variables: Variables): void {
  for (const [name, { fields }] of Object.entries(variables)) {
    if (fields === undefined) continue;
    for (const property of properties.get(name) ?? []) {
      if (Object.hasOwn(fields, property)) continue;
      const expected = expectedOneOf(Object.keys(fields));
      throw new ExpressionError(`${name} has no field "${property}": ${expected}`, { unknown: property });
    }
    if (whole.has(name))
      throw new ExpressionError(
        `${name} is a record: name one of its fields, such as ${name}.${Object.keys(fields)[0]}`,
      );
  }
}

/** Names that CEL can hold, and has not taken for itself; values of other names are found in `raw`. */
const IDENTIFIER =
  /^(?!(?:as|break|const|continue|else|false|for|function|if|import|in|let|loop|namespace|null|package|prototype|return|true|var|void|while|__proto__)$)[A-Za-z_][A-Za-z0-9_]*$/;

function checkedType(check: () => { valid: boolean; type?: string; error?: unknown }, variables: Variables): string {
  const { valid, type = 'dyn', error } = check();
  if (!valid) throw faultOf(error, variables);
  return type === 'list' ? 'list<dyn>' : type;
}

function inWords<T>(work: () => T, variables: Variables): T {
  try {
    return work();
  } catch (error) {
    throw faultOf(error, variables);
  }
}

function faultOf(cause: unknown, variables: Variables): ExpressionError {
  const isOurs = cause instanceof ParseError || cause instanceof TypeFault || cause instanceof EvaluationError;
  if (!isOurs) return new ExpressionError(describeError(cause), { cause });
  const { summary, range } = cause;
  const unknown = /^Unknown variable: (\S+)/.exec(summary)?.[1];
  if (unknown !== undefined) {
    const names = Object.keys(variables).filter((name) => IDENTIFIER.test(name));
    const what = Object.values(variables).some(({ fields }) => fields !== undefined) ? 'side' : 'field';
    return new ExpressionError(`no ${what} "${unknown}": ${expectedOneOf(names)}`, { cause, unknown });
  }
  const place = range === undefined ? '' : ` (at character ${range.start + 1})`;
  return new ExpressionError(`${summary}${place}${hintFor(summary)}`, { cause });
}

function hintFor(summary: string): string {
  if (/no such overload: .*\b(?:int|double|decimal|dyn<\w+>)\b.*\b(?:int|double|decimal)\b/.test(summary)) {
    return '; both sides must be of one type of number: write 2.0 for 2, or convert with double(x), int(x) or decimal(x)';
  }
  const [, receiver = '', name = '', first = ''] =
    /found no matching overload for '(?:([^'.]+)\.)?(\w+)\(([^',)]*)/.exec(summary) ?? [];
  if (receiver === 'string' || (receiver === '' && first === 'string' && !CONVERSIONS.includes(name))) {
    return `; a text has ${TEXT_FUNCTIONS.join(', ')} (text.split("a").join("b") replaces a by b)`;
  }
  return '';
}

/** What the library knows of texts. `matches` is refused, as it may take forever. */
const TEXT_FUNCTIONS = [
  'contains',
  'startsWith',
  'endsWith',
  'indexOf',
  'lastIndexOf',
  'substring',
  'split',
  'trim',
  'lowerAscii',
  'upperAscii',
  'size',
];

/** Functions of another name than those of a text that take one. */
const CONVERSIONS: readonly string[] = ['string', 'int', 'double', 'decimal', 'bool', 'bytes', 'timestamp', 'duration'];

const conversionTo = (wanted: readonly ValueType[]): string =>
  wanted[0] === 'string' ? '; string(x) makes text of a number' : '';
