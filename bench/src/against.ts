import { readFileSync } from 'node:fs';
import type { Figure } from './figure.js';
import type { Results } from './run.js';

/** A figure has fallen if its ratio is below this share of the recorded one. A busy machine alone can cause less than that. */
const FALLEN = 0.5;

/** A figure whose ratio is far below the recorded one. */
export interface Fallen {
  readonly figure: Figure;
  readonly ratio: number;
  readonly recorded: number;
}

/** Reads a file that `--json` wrote. */
export const readRecorded = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'));

/** The figures whose ratio is below half of the recorded one. Figures without a ratio on both sides are skipped. */
export function fallenFigures(results: Results, recorded: unknown): Fallen[] {
  return [...results].flatMap(([figure, outcome]) => {
    const was = ratioIn(recorded, figure.name.split('.'));
    const ratio = outcome.kind === 'measured' ? outcome.measured.ratio : undefined;
    return ratio === undefined || was === undefined || ratio >= was * FALLEN ? [] : [{ figure, ratio, recorded: was }];
  });
}

function ratioIn(json: unknown, path: readonly string[]): number | undefined {
  let found = json;
  for (const step of [...path, 'ratio']) found = (found as Record<string, unknown> | undefined)?.[step];
  return typeof found === 'number' ? found : undefined;
}

export const describeFallen = ({ figure, ratio, recorded }: Fallen): string =>
  `${figure.name}: ${ratio.toFixed(2)} of its limit, the recorded ratio is ${recorded.toFixed(2)}`;
