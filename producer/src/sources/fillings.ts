import { compilePath, type EndpointConfig } from '@tributary/shared';

/** A value that a placeholder is filled with. Numbers beyond 2^53 are exact, whatever holds them. */
export type Filling = string | number | boolean | { toString(): string };

/** What placeholders are filled with for one request; undefined for one that is empty. */
export type Fillings = (name: string) => Filling | undefined;

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

/** The values of `for` that this endpoint is polled for: each endpoint has one of each list. */
export const chosenOf = (config: Pick<EndpointConfig, 'for'>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(config.for).map(([name, [value]]) => [name, value]));
