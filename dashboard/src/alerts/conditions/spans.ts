const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
] as const;

/** A span in its largest unit of which there are two, without what is smaller: `3 h`, `95 min`, `20 s`. */
export function spanOf(milliseconds: number): string {
  const [unit, size] = UNITS.find(([, length]) => milliseconds >= 2 * length) ?? ['s', 1_000];
  return `${Math.floor(Math.max(0, milliseconds) / size)} ${unit}`;
}
