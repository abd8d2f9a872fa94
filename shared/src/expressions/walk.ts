import type { ASTNode } from '@marcbachmann/cel-js';

/** What an expression is made of, for the checks that the library does not make. */
export interface Parts {
  /** Names of variables that it may read. */
  readonly names: ReadonlySet<string>;
  /** Properties that it reads of these variables: `raw.status` reads `status` of `raw`. */
  readonly properties: ReadonlyMap<string, ReadonlySet<string>>;
  /** Names that it reads otherwise than by such a property. */
  readonly whole: ReadonlySet<string>;
  /** Whether it has bytes: `bytes(text)`, `b"…"`. */
  readonly usesBytes: boolean;
  /** What must not be in it, in words; undefined if nothing is. */
  readonly refused: string | undefined;
}

/** They go through a list once for each element of it; within one another they take the time of both lists multiplied. */
const LOOPS = new Set(['all', 'exists', 'exists_one', 'map', 'filter', 'bind']);

/** Goes through all of an expression once. */
export function partsOf(root: ASTNode): Parts {
  const names = new Set<string>();
  const properties = new Map<string, Set<string>>();
  const whole = new Set<string>();
  let usesBytes = false;
  let refused: string | undefined;
  /** @returns whether the node is the property of a variable */
  const noteProperty = (of: ASTNode, property: unknown): boolean => {
    if (of.op !== 'id' || typeof property !== 'string') return false;
    const known = properties.get(of.args) ?? new Set();
    properties.set(of.args, known.add(property));
    names.add(of.args);
    return true;
  };
  const visit = (node: ASTNode, isInLoop: boolean): void => {
    let isLoop = false;
    if (node.op === 'id') {
      names.add(node.args);
      whole.add(node.args);
    } else if (node.op === 'value') usesBytes ||= node.args instanceof Uint8Array;
    else if (node.op === '.') {
      const [of, property] = node.args;
      if (noteProperty(of, property)) return;
    } else if (node.op === '[]') {
      const [of, index] = node.args;
      if (index.op === 'value' && noteProperty(of, index.args)) return;
    } else if (node.op === 'rcall' || node.op === 'call') {
      const [name] = node.args;
      usesBytes ||= name === 'bytes';
      isLoop = node.op === 'rcall' && LOOPS.has(name);
      // A pattern can take a time that doubles with each character of a text.
      if (name === 'matches') refused ??= 'matches is not supported; use startsWith, endsWith, contains or ==';
      if (isLoop && isInLoop) refused ??= `${name} within another loop is not supported`;
    }
    // What a loop goes through is not in it.
    if (isLoop && node.op === 'rcall') visit(node.args[1], isInLoop);
    for (const child of isLoop && node.op === 'rcall' ? node.args[2] : childrenOf(node))
      visit(child, isInLoop || isLoop);
  };
  visit(root, false);
  return { names, properties, whole, usesBytes, refused };
}

function childrenOf(node: ASTNode): readonly ASTNode[] {
  const found: ASTNode[] = [];
  const gather = (part: unknown): void => {
    if (Array.isArray(part)) for (const one of part) gather(one);
    else if (isNode(part)) found.push(part);
  };
  gather(node.args);
  return found;
}

const isNode = (part: unknown): part is ASTNode => typeof part === 'object' && part !== null && 'op' in part;
