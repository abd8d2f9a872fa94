import {
  compilePath,
  type EndpointOf,
  ExactNumber,
  isMapping,
  type PlacedText,
  parsePlaceholders,
} from '@tributary/shared';

/** A value that a placeholder is filled with. Numbers beyond 2^53 are exact, whatever holds them. */
export type Filling = string | number | boolean | { toString(): string };

/** What placeholders are filled with for one request; undefined for one that is empty. */
export type Fillings = (name: string) => Filling | undefined;

/**
 * Text with its placeholders filled in.
 * @param encode writes a value as its place asks for
 * @returns undefined if one of the placeholders is empty
 */
export function fillText(
  text: PlacedText,
  fillings: Fillings,
  encode: (value: string) => string = (value) => value,
): string | undefined {
  let filled = '';
  for (const part of text) {
    if (typeof part === 'string') {
      filled += part;
      continue;
    }
    const value = fillings(part.placeholder);
    if (isEmpty(value)) return undefined;
    filled += encode(String(value));
  }
  return filled;
}

const isEmpty = (value: Filling | undefined): value is undefined => value === undefined || value === '';

/** A value of a body, with its placeholders. Filling it gives undefined where it is left out. */
type BodyTemplate = (fillings: Fillings) => unknown;

/**
 * A body as the settings give it. A text that is one placeholder and nothing else becomes the value itself, so that a
 * number stays a number. An entry whose placeholder is empty is left out, and so is an object or a list of which nothing
 * else is left.
 */
export function compileBody(value: unknown): BodyTemplate {
  if (typeof value === 'string') return compileBodyText(value);
  if (Array.isArray(value)) {
    const items = value.map(compileBody);
    return (fillings) => {
      const filled = items.map((item) => item(fillings)).filter((item) => item !== undefined);
      return filled.length === 0 && items.length > 0 ? undefined : filled;
    };
  }
  if (!isMapping(value) || value instanceof ExactNumber) return () => value;
  const entries = Object.entries(value).map(([name, item]) => [name, compileBody(item)] as const);
  return (fillings) => {
    const filled = entries
      .map(([name, item]) => [name, item(fillings)] as const)
      .filter(([, item]) => item !== undefined);
    return filled.length === 0 && entries.length > 0 ? undefined : Object.fromEntries(filled);
  };
}

function compileBodyText(value: string): BodyTemplate {
  const text = parsePlaceholders(value);
  const [only, ...others] = text;
  if (text.length === 0) return () => value;
  if (others.length > 0 || typeof only === 'string' || only === undefined)
    return (fillings) => fillText(text, fillings);
  return (fillings) => {
    const filling = fillings(only.placeholder);
    return isEmpty(filling) ? undefined : filling;
  };
}

/**
 * Finds what a placeholder names: a value by its name, or, for `parent.id`, by a path into a value.
 * @param values by their first name
 */
export function fillingsOf(values: Readonly<Record<string, unknown>>): Fillings {
  return (name) => {
    const [first = '', rest = ''] = splitName(name);
    const value = Object.hasOwn(values, first) ? values[first] : undefined;
    const found = rest === '' ? value : compiled(rest)(value);
    return found === null ? undefined : (found as Filling | undefined);
  };
}

const splitName = (name: string): readonly [string, string] => {
  const end = /[.[]/.exec(name)?.index ?? name.length;
  return [name.slice(0, end), name.slice(end)];
};

const paths = new Map<string, (value: unknown) => unknown>();

/** There are as many as there are placeholders in the settings. */
function compiled(path: string): (value: unknown) => unknown {
  const known = paths.get(path);
  if (known !== undefined) return known;
  const { read } = compilePath(`$${path}`);
  paths.set(path, read);
  return read;
}

/** The settings that placeholders may stand in. */
export type TemplateSettings = Pick<EndpointOf<'rest'>, 'url' | 'query' | 'headers' | 'body' | 'form' | 'graphql'>;
