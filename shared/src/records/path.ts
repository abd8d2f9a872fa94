import { ExactNumber } from './json.js';
import { isMapping, ownValue } from './own-value.js';

/** A step of a path: the name of a property, or a place in a list, counted from its end if it is negative. */
export type PathStep = string | number;

/** Where a value lies in JSON, compiled once. */
export interface Path {
  /** As it was written. */
  readonly text: string;
  readonly steps: readonly PathStep[];
  /** Whether the value may be missing: the path ends in `?`. */
  readonly mayBeMissing: boolean;
  /** What lies there; undefined if nothing does. */
  read(value: unknown): unknown;
}

/** A path that cannot be read, and where its fault is. */
export class PathError extends Error {
  override readonly name = 'PathError';
}

/** Letters and digits of any alphabet, and what names in JSON and XML are often made of besides. */
const NAME = /[\p{L}\p{N}_\-@$:#]+/uy;
const PLAIN_NAME = /^[\p{L}\p{N}_\-@$:#]+$/u;
const INDEX = /\[(-?\d{1,9})\]/y;
const QUOTED = /\[(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\]/sy;

/**
 * The one grammar of paths, a subset of RFC 9535: `$` is the value itself, `.name` a property, `['any name']` one with
 * spaces or dots, `[0]` the first of a list, `[-1]` the last. A `?` at the end says that the value may be missing.
 *
 * @throws PathError in words, with the place of the fault
 */
export function compilePath(text: string): Path {
  const mayBeMissing = text.endsWith('?');
  const steps = parseSteps(mayBeMissing ? text.slice(0, -1) : text);
  return { text, steps, mayBeMissing, read: readerOf(steps) };
}

function parseSteps(text: string): PathStep[] {
  if (!text.startsWith('$')) throw new PathError('a path begins with $, the whole, such as in $.data');
  const steps: PathStep[] = [];
  let at = 1;
  const take = (pattern: RegExp, from: number): RegExpExecArray | null => {
    pattern.lastIndex = from;
    const match = pattern.exec(text);
    if (match !== null) at = pattern.lastIndex;
    return match;
  };
  while (at < text.length) {
    if (text[at] === '.') {
      const name = take(NAME, at + 1);
      if (name === null)
        throw faultAt(text, at + 1, "expected a name; one with other characters is written ['a name']");
      steps.push(name[0]);
      continue;
    }
    const index = take(INDEX, at);
    if (index !== null) {
      steps.push(Number(index[1]));
      continue;
    }
    const quoted = take(QUOTED, at);
    if (quoted === null) throw faultAt(text, at, text[at] === '[' ? WANTED_IN_BRACKETS : WANTED);
    steps.push((quoted[1] ?? quoted[2] ?? '').replaceAll(/\\(.)/gs, '$1'));
  }
  return steps;
}

const WANTED = "expected .name, ['any name'], [0] or [-1]";
const WANTED_IN_BRACKETS = "expected a number or a name in quotes, such as [0], [-1] or ['any name']";

const faultAt = (text: string, at: number, wanted: string): PathError =>
  new PathError(`${at >= text.length ? 'at its end' : `at "${text.slice(at, at + 12)}"`}: ${wanted}`);

type Step = (value: unknown) => unknown;

/** Whether objects, lists or exact numbers inherit something of this name. */
const isInherited = (name: string): boolean =>
  [Object.prototype, Array.prototype, ExactNumber.prototype].some((prototype) => name in prototype);

/**
 * Only what a value itself holds is found: an API may call a field `constructor`, and every object inherits one. Asking whether
 * it is its own costs several times the reading, so it is asked for such names only.
 */
function compileStep(at: PathStep): Step {
  if (typeof at === 'number') return (value) => (Array.isArray(value) ? value.at(at) : undefined);
  if (at === 'length') return (value) => (isMapping(value) ? ownValue(value, at) : undefined);
  if (isInherited(at)) return (value) => (typeof value === 'object' ? ownValue(value, at) : undefined);
  return (value) =>
    typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[at] : undefined;
}

/** Reads what lies at the end of these steps; undefined if nothing does. */
export function readerOf(steps: readonly PathStep[]): (value: unknown) => unknown {
  const [first, second, third, ...others] = steps.map(compileStep);
  if (first === undefined) return (value) => value;
  if (second === undefined) return first;
  if (third === undefined) return (value) => second(first(value));
  if (others.length === 0) return (value) => third(second(first(value)));
  return (value) => {
    let found = third(second(first(value)));
    for (const step of others) found = step(found);
    return found;
  };
}

/** What would end a name in quotes, and what the pipeline file would fill in: `${NAME}`. */
const ESCAPED = /[\\']|(?<=\$)\{/g;

/** The path of one property of this name. */
export function pathToName(name: string): Path {
  const text = PLAIN_NAME.test(name) ? `$.${name}` : `$['${name.replaceAll(ESCAPED, '\\$&')}']`;
  return { text, steps: [name], mayBeMissing: false, read: readerOf([name]) };
}
