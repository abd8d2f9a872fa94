import { type Path, RetryableError } from '@tributary/shared';

/**
 * The records of a body that was parsed.
 *
 * @param path where they lie, such as `$.data`; none there is an empty page if the path says that they may be missing
 * @param status of the answer, and what its body begins with, for a person
 * @throws RetryableError if there is no list
 */
export function recordsAt(
  body: unknown,
  path: Path,
  { status, excerpt }: { readonly status: number; excerpt(): string },
): readonly unknown[] {
  const records = path.read(body);
  if (Array.isArray(records)) return records;
  if (records === undefined && path.mayBeMissing) return [];
  const message = `answered ${status}, but ${path.text} should be a list of records and is ${kindOf(records)}${excerpt()}`;
  throw new RetryableError('items_not_a_list', message);
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'missing';
  return value === null ? 'null' : `a value of type ${typeof value}`;
}
