import { onTestFinished } from 'vitest';
import { Gate } from '../../src/sources/gate.js';
import type { Page, Validator } from '../../src/sources/port.js';
import { memoryTokenStores, type TokenStores } from '../../src/sources/rest/auth/token-store.js';
import { Dispatchers } from '../../src/sources/rest/dispatchers.js';
import { Pauses } from '../../src/sources/rest/pauses.js';
import type { Proxies } from '../../src/sources/rest/proxies.js';
import { RestSource } from '../../src/sources/rest/rest.js';
import { ManualClock } from './manual-clock.js';
import { endpointWith, pipelineWith } from './pipeline.js';

export interface SourceSetUp {
  readonly random?: () => number;
  readonly proxies?: Proxies;
  readonly tokens?: TokenStores;
}

/** A source with the settings of an endpoint; it tries again after a millisecond unless told otherwise. */
export function sourceWith(
  settings: object,
  { random = () => 1, proxies = {}, tokens = memoryTokenStores() }: SourceSetUp = {},
) {
  const endpoint = endpointWith({ retryDelay: '1ms', ...settings });
  const dispatchers = new Dispatchers(proxies);
  onTestFinished(() => dispatchers.destroy());
  const clock = new ManualClock();
  const retries: string[] = [];
  const doubts: string[] = [];
  // Short waits are real, so that a test need not move the clock for each.
  const real = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
  const waiting = {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    sleep: (ms: number, signal?: AbortSignal) => (ms < 20 ? real(ms) : clock.sleep(ms, signal)),
  };
  const source = new RestSource(endpoint, {
    dispatcher: dispatchers.for(endpoint.config),
    proxies,
    gate: new Gate(pipelineWith({}).limits, waiting),
    pauses: new Pauses(waiting),
    tokens,
    clock: waiting,
    random,
    onRetry: (code) => void retries.push(code),
    onDoubt: (message) => void doubts.push(message),
  });
  const stop = new AbortController();
  const read = async (
    asked: { since?: string; validators?: readonly Validator[]; trial?: boolean } = {},
  ): Promise<Page[]> => {
    const { since, validators = [], trial = false } = asked;
    const pages: Page[] = [];
    for await (const page of source.pages({ since, validators, trial, signal: stop.signal })) pages.push(page);
    return pages;
  };
  return { endpoint, source, clock, retries, doubts, stop, read, tokens };
}

export const recordsOf = (pages: readonly Page[]): unknown[] => pages.flatMap(({ records }) => records);
