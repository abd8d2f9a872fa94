import type { SoakResult } from './soak.js';

/** What grew and what did not, a line for each. */
export function formatSlopes({ slopes, kept, rowsPerSecond, ok }: SoakResult): string {
  const shown = (value: number) => value.toFixed(Math.abs(value) < 100 ? 1 : 0);
  return [
    `${Math.round(rowsPerSecond).toLocaleString('en')} rows a second; what grew after the first third:`,
    ...slopes.map(({ name, unit, middle, growth, allowed, isFlat }) => {
      const figures = `${shown(middle).padStart(9)} ${unit.padEnd(2)} ${growth < 0 ? '' : '+'}${shown(growth)}`;
      return `  ${isFlat ? 'flat ' : 'GROWS'} ${name.padEnd(32)} ${figures} (up to ${shown(allowed)} is taken for noise)`;
    }),
    ...kept.map(({ name, most, allowed, isBounded }) => {
      const figures = `${shown(most).padStart(9)}    at most (up to ${shown(allowed)} follow from the deaths)`;
      return `  ${isBounded ? 'flat ' : 'GROWS'} ${name.padEnd(32)} ${figures}`;
    }),
    ok ? 'nothing grows' : 'NOT OK',
  ].join('\n');
}
