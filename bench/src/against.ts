import { readFileSync } from 'node:fs';
import type { Figure, Outcome } from './figure.js';
import type { Machine } from './machine.js';
import type { Results } from './run.js';

/** A figure has fallen if its ratio is below this share of the recorded one. */
const FALLEN = 0.7;
/** The same if it was recorded on a machine of another kind, where other parts are the slow ones. */
const FALLEN_ELSEWHERE = 0.5;

/** The share of the machine's CPU time that other programs may take: with more, a ratio tells of them. */
const QUIET = 0.15;

/** A figure that seems to have fallen is measured so many times in all, and its best ratio counts. */
export const TRIES = 3;

/** What is compared with: a file that `--json` wrote. */
export interface Recorded {
  readonly machine?: Partial<Pick<Machine, 'cpu' | 'cores'>>;
  /** Figures, and groups of figures. */
  readonly [name: string]: unknown;
}

export const readRecorded = (file: string): Recorded => JSON.parse(readFileSync(file, 'utf8')) as Recorded;

/** Where a figure may not fall below, and why there, in words. */
export interface Floor {
  /** Of the recorded ratio. */
  readonly share: number;
  readonly words: string;
}

export function floorOf(recorded: Recorded, machine: Pick<Machine, 'cpu' | 'cores'>): Floor {
  const { cpu, cores } = recorded.machine ?? {};
  if (cpu === machine.cpu && cores === machine.cores)
    return { share: FALLEN, words: `recorded on this kind of machine: no ratio may be below ${FALLEN} of its record` };
  const kinds = `recorded on ${cores} cores of ${cpu}, and this machine has ${machine.cores} of ${machine.cpu}`;
  return { share: FALLEN_ELSEWHERE, words: `${kinds}: no ratio may be below ${FALLEN_ELSEWHERE} of its record` };
}

/** A figure whose ratio is below its floor in all tries. */
export interface Fallen {
  readonly figure: Figure;
  /** The best one. */
  readonly ratio: number;
  readonly recorded: number;
  /** Whether the machine was quiet in one of the tries. If other programs took its time in all of them, nothing is known. */
  readonly isSure: boolean;
}

/**
 * The figures whose ratio is below its floor in all tries. Figures without a ratio on both sides are skipped.
 * @param tries the first one holds all figures, the others those that were measured again
 */
export function fallenFigures(tries: readonly Results[], recorded: Recorded, { share }: Floor): Fallen[] {
  return [...(tries[0]?.keys() ?? [])].flatMap((figure) => {
    const was = ratioIn(recorded, figure.name.split('.'));
    const found = tries.flatMap((results) => ratioOf(results.get(figure)));
    if (was === undefined || found.length === 0) return [];
    const ratio = Math.max(...found.map((one) => one.ratio));
    const isSure = found.some(({ others }) => others <= QUIET);
    return ratio >= was * share ? [] : [{ figure, ratio, recorded: was, isSure }];
  });
}

const ratioOf = (outcome: Outcome | undefined) =>
  outcome?.kind === 'measured' && outcome.measured.ratio !== undefined
    ? [{ ratio: outcome.measured.ratio, others: outcome.others }]
    : [];

function ratioIn(json: unknown, path: readonly string[]): number | undefined {
  let found = json;
  for (const step of [...path, 'ratio']) found = (found as Record<string, unknown> | undefined)?.[step];
  return typeof found === 'number' ? found : undefined;
}

export const describeFallen = ({ figure, ratio, recorded }: Fallen): string =>
  `${figure.name}: ${ratio.toFixed(2)} of its limit, the recorded ratio is ${recorded.toFixed(2)}`;
