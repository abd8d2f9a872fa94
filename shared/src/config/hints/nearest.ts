import { closestMatch } from 'leven';

/** A name without its case, dashes and underscores: `Max_Pages` is `maxPages`. */
export const plain = (name: string): string => name.toLowerCase().replaceAll(/[-_\s]/g, '');

/** The name that was probably meant: one that differs in writing alone, in the order of its letters, or in a letter of three. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  const same =
    names.find((one) => plain(one) === plain(name)) ?? names.find((one) => sorted(plain(one)) === sorted(plain(name)));
  if (same !== undefined) return same;
  const maxDistance = Math.max(1, Math.floor(name.length / 3));
  const found = closestMatch(plain(name), names.map(plain), { maxDistance });
  return found === undefined ? undefined : names.find((one) => plain(one) === found);
}

const sorted = (text: string): string => [...text].sort().join('');

/** Which of our names another tool has this name for. @param table ours, and the names of others with spaces between them */
export function namedByOthers(name: string, table: Readonly<Record<string, string>>): string[] {
  return Object.entries(table)
    .filter(([, others]) => others.split(' ').some((other) => plain(other) === plain(name)))
    .map(([ours]) => ours);
}
