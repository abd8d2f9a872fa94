import type { SinkKind } from '@tributary/shared';
import { runChaos } from '../chaos/chaos.js';
import { planFaults } from '../chaos/plan.js';
import type { ChaosResult } from '../chaos/report.js';
import { judgeKept, type Kept } from './kept.js';
import { Sampler } from './sampler.js';
import { judgeSlopes, type Slope } from './slopes.js';

export interface SoakOptions {
  readonly seconds: number;
  readonly seed: number;
  readonly sink: SinkKind;
  readonly keep: boolean;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

export interface SoakResult {
  readonly chaos: ChaosResult;
  readonly slopes: readonly Slope[];
  readonly kept: readonly Kept[];
  /** Rows that landed in a second, while faults were done. */
  readonly rowsPerSecond: number;
  readonly ok: boolean;
}

/** Milliseconds from one fault to the next: what one of them hurts is well again before the next, and the pipeline is under load most of the time. */
const GAP = [16_000, 24_000] as const;

/** Faults hit the last process of each kind, so that the first lives through the run and shows what grows. */
const LAST = 0.999;

const SERVICES = { producers: 2, consumers: 2 } as const;

/** Customers, items and offers. */
const QUEUES = 3;

/** Runs the pipeline under load and faults for long, and judges what grows. @throws as runChaos */
export async function runSoak({ seconds, seed, sink, keep, say, signal }: SoakOptions): Promise<SoakResult> {
  const plan = planFaults(seed, seconds, sink, false, 'rest', GAP).map((fault) => ({ ...fault, victim: LAST }));
  let sampler: Sampler | undefined;
  const chaos = await runChaos({
    seconds,
    seed,
    sink,
    keep,
    say,
    signal,
    plan,
    ...SERVICES,
    world: false,
    logLevel: 'info',
    watch: (stage) => {
      sampler = new Sampler(stage);
      return sampler;
    },
  });
  const samples = sampler?.samples ?? [];
  const { slopes, lacking } = judgeSlopes(samples, sink);
  const kept = judgeKept(samples, chaos.report.kills, { ...SERVICES, queues: QUEUES });
  const problems = [...chaos.problems, ...lacking];
  const isFlat = slopes.every((slope) => slope.isFlat) && kept.every(({ isBounded }) => isBounded);
  const ok = chaos.report.ok && lacking.length === 0 && isFlat;
  return { chaos: { ...chaos, problems }, slopes, kept, rowsPerSecond: chaos.rowsUnderFire / seconds, ok };
}
