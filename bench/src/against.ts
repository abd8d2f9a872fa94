import { readFileSync } from 'node:fs';
import type { Figure } from './figure.js';
import type { Results } from './run.js';

/** The share of its recorded ratio below which a figure has fallen: less is what a busy machine does by itself. */
const FALLEN = 0.5;

/** A figure that is far from what it was. */
export interface Fallen {
  readonly figure: Figure;
  readonly ratio: number;
  readonly recorded: number;
}

/** Reads what `--json` wrote. */
export const readRecorded = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'));

/** The figures whose ratio is below half of the recorded one. Those that only one of the two has say nothing. */
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
  `${figure.name}: ${ratio.toFixed(2)} of its limit, recorded were ${recorded.toFixed(2)}`;
