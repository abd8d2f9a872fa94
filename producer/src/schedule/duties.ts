import type { Clock, Logger } from '@tributary/shared';
import type { Endpoint } from '../endpoint.js';
import type { PollMetrics } from '../metrics.js';
import { type PollSteps, poll } from '../poll/poll.js';
import { createIds } from '../publish/ids.js';
import type { Publisher } from '../publish/publisher.js';
import type { Dispatchers } from '../sources/rest/dispatchers.js';
import type { Gate } from '../sources/rest/gate.js';
import { RestSource } from '../sources/rest/rest.js';
import type { Stores } from '../stores.js';
import { Duty } from './duty.js';
import { Runner } from './runner.js';

export interface DutiesOptions extends Pick<Stores, 'cursors' | 'states' | 'runs'> {
  readonly publisher: Publisher;
  readonly dispatchers: Dispatchers;
  readonly gate: Gate;
  readonly metrics: PollMetrics;
  readonly clock: Clock;
  readonly log: Logger;
  readonly instance: string;
  /** The producer stops. */
  readonly signal: AbortSignal;
}

/** A duty for each endpoint: its API to poll, its runs, its schedule. None of them begins by itself. */
export function createDuties(endpoints: readonly Endpoint[], options: DutiesOptions): Map<string, Duty> {
  const { publisher, cursors, states, runs, clock, log, instance, metrics, signal } = options;
  const ids = createIds();
  const companions = endpoints.length - 1;
  return new Map(
    endpoints.map((endpoint) => {
      const steps: PollSteps = { source: sourceOf(endpoint, options), publisher, cursors, clock, ids };
      const runner = new Runner({
        ...{ endpoint, instance, states, runs, metrics, clock, log, signal },
        poll: (progress, stop, manner) => poll(endpoint, steps, progress, stop, manner),
        nextAt: () => duty.nextAt(),
      });
      const duty = new Duty({ endpoint, runner, states, metrics, clock, log, random: Math.random, companions });
      return [endpoint.id, duty];
    }),
  );
}

function sourceOf(endpoint: Endpoint, { dispatchers, gate, metrics, clock, log }: DutiesOptions): RestSource {
  return new RestSource(endpoint, {
    ...{ dispatcher: dispatchers.for(endpoint.config), gate, clock, random: Math.random },
    onRetry: (code, reason) => {
      metrics.retries.inc({ endpoint: endpoint.id, code });
      log.debug({ endpoint: endpoint.id, reason }, 'trying again');
    },
    onDoubt: (reason) => log.warn({ endpoint: endpoint.id, reason }, 'the polling may be set wrongly'),
  });
}
