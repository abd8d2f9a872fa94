import { readFileSync } from 'node:fs';
import type { Figure, Outcome } from './figure.js';
import type { Machine } from './machine.js';
import type { Results } from './run.js';

/** A figure has fallen if its ratio is below this share of the recorded one. */
const FALLEN = 0.7;
/** The same if it was recorded on a machine of another kind, where other parts are the slow ones. */
const FALLEN_ELSEWHERE = 0.5;

/** A service takes too much memory if its largest is above this many times the recorded one. It varies by a tenth from run to run. */
const GROWN = 1.3;

/** The share of the machine's CPU time that other programs may take: with more, a ratio tells of them. */
const QUIET = 0.15;

/** A figure that seems to be worse is measured so many times in all, and its best try counts. */
export const TRIES = 3;

/** A figure that is worse than its record in all tries. */
export interface Worse {
  readonly figure: Figure;
  readonly words: string;
  /** Whether the machine was quiet in one of the tries. If other programs took its time in all of them, nothing is known. */
  readonly isSure: boolean;
}

/** The figures that are slower than they may be, or take more memory. */
export const worseFigures = (tries: readonly Results[], recorded: Recorded, floor: Floor): Worse[] => [
  ...fallenFigures(tries, recorded, floor).map((one) => ({ ...one, words: describeFallen(one) })),
  ...grownFigures(tries, recorded),
];

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
  /** As of {@link Worse}. */
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

/** What a figure in MB holds: the largest memory of the consumer, and of the producer. */
const MEMORIES = { consumer: 'value', producer: 'producerMb' } as const;

/**
 * The services whose largest memory is above what it may be in all tries: the smallest counts. Where there is no such number on both
 * sides, nothing is compared.
 */
export function grownFigures(tries: readonly Results[], recorded: Recorded): Worse[] {
  const figures = [...(tries[0]?.keys() ?? [])].filter(({ unit }) => unit === 'MB');
  return figures.flatMap((figure) =>
    Object.entries(MEMORIES).flatMap(([service, name]) => {
      const was = numberIn(recorded, [...figure.name.split('.'), name]);
      const found = tries.flatMap((results) => memoryOf(results.get(figure), name));
      if (was === undefined || found.length === 0) return [];
      const least = Math.min(...found.map(({ mb }) => mb));
      if (least <= was * GROWN) return [];
      const words = `${figure.name}: the ${service} takes ${least} MB, recorded are ${was}, and ${GROWN} times as much is allowed`;
      return [{ figure, words, isSure: found.some(({ others }) => others <= QUIET) }];
    }),
  );
}

function memoryOf(
  outcome: Outcome | undefined,
  name: string,
): readonly { readonly mb: number; readonly others: number }[] {
  if (outcome?.kind !== 'measured') return [];
  const { value, more } = outcome.measured;
  const mb = name === 'value' ? value : more?.[name];
  return typeof mb === 'number' ? [{ mb, others: outcome.others }] : [];
}

const ratioOf = (outcome: Outcome | undefined) =>
  outcome?.kind === 'measured' && outcome.measured.ratio !== undefined
    ? [{ ratio: outcome.measured.ratio, others: outcome.others }]
    : [];

const ratioIn = (json: unknown, path: readonly string[]): number | undefined => numberIn(json, [...path, 'ratio']);

function numberIn(json: unknown, path: readonly string[]): number | undefined {
  let found = json;
  for (const step of path) found = (found as Record<string, unknown> | undefined)?.[step];
  return typeof found === 'number' ? found : undefined;
}

export const describeFallen = ({ figure, ratio, recorded }: Fallen): string =>
  `${figure.name}: ${ratio.toFixed(2)} of its limit, the recorded ratio is ${recorded.toFixed(2)}`;
