import { ExactNumber, type PathStep } from '@tributary/shared';
import { pathOf } from '../records/column.js';

/** A value that lies beside the records. */
export interface Beside {
  readonly name: string;
  readonly path: string;
  readonly value: string | number | boolean | null;
}

const DEEPEST = 5;

/**
 * What an answer says beside its records: counts, flags, cursors, addresses.
 * @param items the path of the records, which are left out
 */
export function besidesOf(body: unknown, items: string): Beside[] {
  const found: Beside[] = [];
  walk(body, [], found, items.replace(/\?$/, ''));
  return found;
}

function walk(value: unknown, steps: readonly PathStep[], found: Beside[], items: string): void {
  const path = pathOf(steps);
  if (path === items || steps.length > DEEPEST) return;
  if (Array.isArray(value)) {
    // The first may tell of the others ([{"page": 1}, [...]]); a list of something else is of no use here.
    if (value.length <= 4) for (const [index, one] of value.entries()) walk(one, [...steps, index], found, items);
  } else if (typeof value === 'object' && value !== null && !(value instanceof ExactNumber)) {
    for (const [name, inner] of Object.entries(value)) walk(inner, [...steps, name], found, items);
  } else {
    const name =
      [...steps]
        .reverse()
        .find((step) => typeof step === 'string' && step !== 'href' && step !== 'url' && step !== 'uri') ?? '';
    const plain = value instanceof ExactNumber ? String(value) : (value as string | number | boolean | null);
    if (plain !== undefined) found.push({ name: String(name), path, value: plain });
  }
}

export const isUrl = (value: unknown): value is string =>
  typeof value === 'string' && /^(https?:\/\/|\/|\?)\S*$/.test(value);
