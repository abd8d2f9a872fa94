import { type Clock, RetryableError } from '@tributary/shared';
import type { Services } from './services.js';

/** What keeps a service from its work. */
export interface Problem {
  readonly service: 'pipeline' | 'producer' | 'consumer';
  /** In words. */
  readonly problem: string;
}

export interface Health {
  /** Whether records flow: nothing keeps the services from it. */
  readonly ready: boolean;
  readonly problems: readonly Problem[];
}

/** Milliseconds between two looks. What stands at two looks is told. */
const LOOK = 2_000;

export function healthOf(services: Pick<Services, 'producer' | 'consumer'> | undefined, lost?: Error): Health {
  const of = (service: Problem['service'], words: readonly string[]) => words.map((problem) => ({ service, problem }));
  const problems =
    services === undefined
      ? of('pipeline', ['not started'])
      : [
          ...of('pipeline', lost === undefined ? [] : [lost.message]),
          ...of('producer', services.producer.problems()),
          ...of('consumer', services.consumer.problems()),
        ];
  return { ready: problems.length === 0, problems };
}

/** Tells each problem that lasts, once as long as it does. */
export async function tellProblems(
  health: () => Health,
  tell: (error: Error) => void,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  let before = new Set<string>();
  const told = new Set<string>();
  while (!signal.aborted) {
    await clock.sleep(LOOK, signal);
    if (signal.aborted) return;
    const now = health()
      .problems.filter(({ service }) => service !== 'pipeline')
      .map(({ service, problem }) => `${service}: ${problem}`);
    for (const words of told) if (!now.includes(words)) told.delete(words);
    for (const words of now) {
      if (!before.has(words) || told.has(words)) continue;
      told.add(words);
      tell(new RetryableError('service_problem', words));
    }
    before = new Set(now);
  }
}
