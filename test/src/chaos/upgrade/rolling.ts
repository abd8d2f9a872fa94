import { describeError, systemClock } from '@tributary/shared';
import { countRows } from '../audit-stage.js';
import { endOf } from '../settle.js';
import type { Stage } from '../stage.js';
import { until } from '../until.js';
import { programOf, type Worker } from '../worker.js';
import type { OlderVersion } from './older.js';

type Side = 'older' | 'this';
type Mixture = Side | 'both';

/** A service that is stopped, and goes on as one of another version. */
export interface Replacement {
  /** Milliseconds after the first fault. */
  readonly at: number;
  readonly service: 'consumers' | 'producers';
  readonly index: number;
  readonly to: Side;
}

export interface UpgradeReport {
  readonly from: string;
  readonly replaced: number;
  /** Rows that landed while services of these versions ran. */
  readonly rows: Readonly<Record<Mixture, number>>;
}

/** From which to which share of a run all services are replaced, one after the other: an upgrade, a step back, and the upgrade once more. */
const TURNS = [
  { from: 0.15, until: 0.4, to: 'this' },
  { from: 0.5, until: 0.65, to: 'older' },
  { from: 0.75, until: 0.9, to: 'this' },
] as const satisfies readonly { from: number; until: number; to: Side }[];

/**
 * When which service is replaced. What writes a form comes behind all that read it: consumers first on the way to the newer version, and
 * producers first on the way back.
 */
export function planReplacements(seconds: number, services: Record<Replacement['service'], number>): Replacement[] {
  return TURNS.flatMap(({ from, until, to }) => {
    const order = to === 'this' ? (['consumers', 'producers'] as const) : (['producers', 'consumers'] as const);
    const all = order.flatMap((service) =>
      Array.from({ length: services[service] }, (_, index) => ({ service, index })),
    );
    const step = ((until - from) * seconds * 1_000) / all.length;
    return all.map((one, place) => ({ ...one, to, at: Math.round(from * seconds * 1_000 + place * step) }));
  });
}

export interface RollingOptions {
  readonly older: OlderVersion;
  readonly stage: Stage;
  readonly seconds: number;
  /** When the first fault was, by Date.now(). */
  readonly started: number;
  readonly say: (line: string) => void;
  /** Told what was not as it should be. */
  readonly onProblem: (problem: string) => void;
  readonly signal: AbortSignal;
}

/** Replaces the services in the midst of all faults, each as an operator does it: SIGTERM, and then a start. In the end all are of this version. */
export async function rollVersions(options: RollingOptions): Promise<UpgradeReport> {
  const { older, stage, seconds, started, say, signal } = options;
  const rows: Record<Mixture, number> = { older: 0, both: 0, this: 0 };
  const workers = { consumers: stage.consumers, producers: stage.producers };
  const plan = planReplacements(seconds, { consumers: workers.consumers.length, producers: workers.producers.length });
  const running = new Map<Worker, Side>(
    [...workers.consumers, ...workers.producers].map((worker) => [worker, 'older']),
  );
  const mixture = (): Mixture => {
    const sides = new Set(running.values());
    return sides.size > 1 ? 'both' : sides.has('this') ? 'this' : 'older';
  };
  let before = await countedRows(stage, signal);
  const count = async (of: Mixture) => {
    const now = await countedRows(stage, signal);
    rows[of] += now - before;
    before = now;
  };
  for (const { at, service, index, to } of plan) {
    await systemClock.sleep(started + at - Date.now(), signal);
    signal.throwIfAborted();
    const worker = workers[service][index];
    if (worker === undefined) continue;
    const was = mixture();
    say(
      `${new Date().toISOString().slice(11, 23)} ${worker.name} goes on as ${to === 'this' ? 'this version' : older.name}`,
    );
    await replace(worker, to === 'this' ? programOf(worker.workspace) : older.program(worker.workspace), options);
    running.set(worker, to);
    if (mixture() !== was) await count(was);
  }
  await systemClock.sleep(started + seconds * 1_000 - Date.now(), signal);
  await count('this');
  return { from: older.name, replaced: plan.length, rows };
}

/** A part may be put in another's place while it is counted, and Postgres may be down. */
async function countedRows(stage: Stage, signal: AbortSignal): Promise<number> {
  let rows: number | undefined;
  const count = async () => {
    rows = await countRows(stage);
    return undefined;
  };
  await until('the rows are counted', count, { timeout: 60_000, signal, every: 250 });
  return rows ?? 0;
}

/** It may be killed, paused or started by a fault at any moment meanwhile: then the next life is of the other version. */
async function replace(worker: Worker, program: string, { onProblem }: RollingOptions): Promise<void> {
  try {
    worker.program = program;
    const code = worker.runs ? await endOf(worker) : 0;
    if (code === 'late') onProblem(`${worker.name} did not end when it was to be replaced`);
    // A signal may have come from a fault, and before the process was ready for SIGTERM.
    else if (code !== 0 && code !== null)
      onProblem(`${worker.name} ended with exit code ${code} when it was to be replaced`);
    worker.start();
  } catch (error) {
    onProblem(`${worker.name} could not be replaced: ${describeError(error)}`);
  }
}
