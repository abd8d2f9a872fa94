import { RetryableError } from '@tributary/shared';

/**
 * What lies at a path such as `$.data.items` in a JSON body; undefined if the path leads nowhere. Only the body's own
 * properties count, so that no path reaches into a prototype.
 */
export function valueAt(body: unknown, path: string): unknown {
  let value = body;
  for (const name of path.split('.').slice(1)) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

/**
 * The records of a body that was parsed.
 *
 * @param path where they lie, such as `$.data`
 * @param status of the answer, and what its body begins with, for a person
 * @throws RetryableError if there is no list
 */
export function recordsAt(
  body: unknown,
  path: string,
  { status, excerpt }: { readonly status: number; excerpt(): string },
): readonly unknown[] {
  const records = valueAt(body, path);
  if (Array.isArray(records)) return records;
  const message = `answered ${status}, but ${path} should be a list of records and is ${kindOf(records)}${excerpt()}`;
  throw new RetryableError('items_not_a_list', message);
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'missing';
  return value === null ? 'null' : `a value of type ${typeof value}`;
}
