import type { FoundFile } from './places/place.js';

const NAMES = new Intl.Collator('en', { numeric: true });

export const byTime = (a: FoundFile, b: FoundFile): number => a.modified - b.modified || NAMES.compare(a.name, b.name);

/** Files in the order of their times. @param onTwins told of two that differ in their compression only */
export function inOrder(
  files: readonly FoundFile[],
  onTwins: (one: string, other: string) => void,
): readonly FoundFile[] {
  const sorted = files.toSorted(byTime);
  const stems = new Map<string, string>();
  for (const { name } of sorted) {
    const stem = name.replace(/\.(gz|gzip|zst|zstd)$/i, '');
    const other = stems.get(stem);
    if (other !== undefined) onTwins(other, name);
    stems.set(stem, name);
  }
  return sorted;
}
