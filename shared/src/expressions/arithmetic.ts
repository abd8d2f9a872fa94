import type { ASTNode } from '@marcbachmann/cel-js';
import type { Variables } from './variables.js';

/**
 * What arithmetic over numbers gives. Null where a field that it reads is absent; undefined where only the whole of CEL can tell, as for
 * whole numbers beyond what a double holds.
 */
export type Quick<T> = (of: T) => number | boolean | null | undefined;

interface Part<T> {
  readonly type: 'int' | 'double' | 'decimal' | 'bool';
  readonly run: Quick<T>;
}

type Calculate = (a: number, b: number) => number | boolean | undefined;

/** 64 bits hold more whole numbers than a double: what is no safe number is left to CEL, which also tells of an overflow. */
const safe = (value: number): number | undefined => (Number.isSafeInteger(value) ? value : undefined);

const INT: Readonly<Record<string, Calculate>> = {
  '+': (a, b) => safe(a + b),
  '-': (a, b) => safe(a - b),
  '*': (a, b) => safe(a * b),
};

const DOUBLE: Readonly<Record<string, Calculate>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
};

/** Decimals are text: of them only so much is known here that nothing comes of one that is absent. */
const DECIMAL: Readonly<Record<string, Calculate>> = {
  '+': () => undefined,
  '-': () => undefined,
  '*': () => undefined,
};

/** A whole number may be compared with a double. */
const COMPARED: Readonly<Record<string, Calculate>> = {
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
};

const OPERATORS = { int: INT, double: DOUBLE, decimal: DECIMAL };

/**
 * Compiles arithmetic and comparisons over the number fields of records: it gives what CEL gives, in a tenth of the time.
 *
 * @returns undefined for an expression that has anything else in it
 */
export function compileArithmetic<T>(
  root: ASTNode,
  variables: Variables,
  read: (variable: string, field: string) => (of: T) => unknown,
): Quick<T> | undefined {
  const compile = (node: ASTNode): Part<T> | undefined => {
    if (node.op === '.') return compileField(node.args[0], node.args[1]);
    if (node.op === 'value') return compileLiteral(node.args);
    if (node.op === 'call') return compileDouble(node.args[0], node.args[1]);
    const isBinary = node.op in INT || node.op in DOUBLE || node.op in COMPARED;
    return isBinary ? compileBinary(node.op, node.args as readonly [ASTNode, ASTNode]) : undefined;
  };

  const compileField = (of: ASTNode, field: string): Part<T> | undefined => {
    const type = of.op === 'id' ? variables[of.args]?.fields?.[field]?.type : undefined;
    if (of.op !== 'id' || (type !== 'int' && type !== 'double' && type !== 'decimal')) return undefined;
    const get = read(of.args, field);
    const run: Quick<T> = (one) => {
      const value = get(one);
      if (typeof value === 'number') return value;
      // A decimal, or a whole number beyond what a double holds.
      return value === undefined || value === null ? null : undefined;
    };
    return { type, run };
  };

  const compileDouble = (name: string, given: readonly ASTNode[]): Part<T> | undefined => {
    const [first] = given;
    const part = name === 'double' && first !== undefined && given.length === 1 ? compile(first) : undefined;
    return part?.type === 'int' || part?.type === 'double' ? { type: 'double', run: part.run } : undefined;
  };

  const compileBinary = (operator: string, [first, second]: readonly [ASTNode, ASTNode]): Part<T> | undefined => {
    const [left, right] = [compile(first), compile(second)];
    if (left === undefined || right === undefined || left.type === 'bool' || right.type === 'bool') return undefined;
    const compared = COMPARED[operator];
    if (compared !== undefined) return { type: 'bool', run: both(left.run, right.run, compared) };
    const type = [left.type, right.type].includes('decimal') ? 'decimal' : left.type;
    if (type !== 'decimal' && type !== right.type) return undefined;
    const calculate = OPERATORS[type][operator];
    return calculate && { type, run: both(left.run, right.run, calculate) };
  };

  return compile(root)?.run;
}

function compileLiteral<T>(value: unknown): Part<T> | undefined {
  if (typeof value === 'number') return { type: 'double', run: () => value };
  const number = typeof value === 'bigint' ? safe(Number(value)) : undefined;
  return number === undefined ? undefined : { type: 'int', run: () => number };
}

const both =
  <T>(left: Quick<T>, right: Quick<T>, calculate: Calculate): Quick<T> =>
  (of) => {
    const a = left(of);
    const b = right(of);
    if (a === null || b === null) return null;
    return typeof a === 'number' && typeof b === 'number' ? calculate(a, b) : undefined;
  };
