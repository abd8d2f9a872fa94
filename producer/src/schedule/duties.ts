import type { Clock, Logger, Telemetry } from '@tributary/shared';
import type { Endpoint } from '../endpoint.js';
import { follow } from '../follow/follow.js';
import type { PollMetrics } from '../metrics.js';
import type { Child } from '../poll/children.js';
import { MissingNews } from '../poll/missing-news.js';
import { type PollSteps, poll } from '../poll/poll.js';
import type { PollSummary } from '../poll/progress.js';
import { RetryWatch } from '../poll/retrying.js';
import { createIds } from '../publish/ids.js';
import type { Publisher } from '../publish/publisher.js';
import { EndpointFindings } from '../shape/endpoint-findings.js';
import { compileShape } from '../shape/shape.js';
import { createSource } from '../sources/kinds.js';
import { isFollowed, type SourceEvents } from '../sources/port.js';
import type { Surroundings } from '../sources/surroundings.js';
import type { Stores } from '../stores.js';
import { Duty } from './duty.js';
import { Runner } from './runner.js';

export interface DutiesOptions
  extends Pick<Stores, 'cursors' | 'known' | 'states' | 'runs'>,
    Pick<PollSteps, 'confirmed'> {
  readonly publisher: Publisher;
  readonly surroundings: Surroundings;
  readonly metrics: PollMetrics;
  readonly clock: Clock;
  readonly log: Logger;
  readonly instance: string;
  /** The producer stops. */
  readonly signal: AbortSignal;
  /** As of PollSteps. */
  readonly isLasting?: boolean | undefined;
  /** As of the runners. */
  readonly onRun?: ((summary: PollSummary) => void) | undefined;
  /** As of the runners. */
  readonly patience?: number | undefined;
  /** Tells of each run; nothing is traced unless given. */
  readonly telemetry?: Telemetry | undefined;
}

/** A duty for each endpoint: its source, its runs, its schedule. Nothing is polled until the duty is held. */
export function createDuties(endpoints: readonly Endpoint[], options: DutiesOptions): Map<string, Duty> {
  const { publisher, cursors, known, states, runs, clock, log, instance, metrics, signal, telemetry } = options;
  const confirmed = options.confirmed === undefined ? {} : { confirmed: options.confirmed };
  const ids = createIds(telemetry);
  const missingNews = new MissingNews(log);
  const companions = endpoints.length - 1;
  return new Map(
    endpoints.map((endpoint) => {
      const retries = new RetryWatch(metrics, clock);
      const { source, shape, children } = childOf(endpoint, options, {
        onPause: (until) => runner.pause(until),
        retries,
      });
      const members = [endpoint, ...endpoint.members].map((one) => ({
        endpoint: one,
        shape: one === endpoint ? shape : shapeOf(one, options),
      }));
      const steps: PollSteps = {
        source,
        shape,
        children,
        publisher,
        cursors,
        known,
        missingNews,
        clock,
        ids,
        isLasting: options.isLasting,
        telemetry,
        ...confirmed,
      };
      const runner = new Runner({
        endpoint,
        instance,
        states,
        runs,
        metrics,
        clock,
        log,
        signal,
        poll: (progress, stop, manner) =>
          isFollowed(source)
            ? follow(endpoint, { ...steps, source, members }, progress, stop, manner)
            : poll(endpoint, steps, progress, stop, manner),
        nextAt: () => duty.nextAt(),
        patience: options.patience,
        onRun: options.onRun,
        retries,
        telemetry,
      });
      const isContinuous = isFollowed(source);
      const duty = new Duty({
        endpoint,
        runner,
        states,
        metrics,
        clock,
        log,
        random: Math.random,
        companions,
        isContinuous,
        kept: async () => await source.saved?.(signal),
      });
      return [endpoint.id, duty];
    }),
  );
}

/** An endpoint with its source, and with its children and theirs. */
const childOf = (endpoint: Endpoint, options: DutiesOptions, told: Told): Child => ({
  endpoint,
  source: createSource(endpoint, options.surroundings, sourceEvents(endpoint, options, told)),
  shape: shapeOf(endpoint, options),
  children: endpoint.children.map((child) => childOf(child, options, told)),
});

const shapeOf = (endpoint: Endpoint, { metrics, log }: DutiesOptions) =>
  compileShape(
    endpoint.entity.config,
    endpoint.config,
    new EndpointFindings(endpoint, metrics, log),
    endpoint.protectionKeys,
  );

/** What the sources of one poll tell. */
interface Told {
  onPause(until: number): void;
  readonly retries: RetryWatch;
}

function sourceEvents({ id }: Endpoint, { metrics, log }: DutiesOptions, { onPause, retries }: Told): SourceEvents {
  return {
    onRetry: (code, reason, { failed, at }) => {
      metrics.retries.inc({ endpoint: id, code });
      retries.failed(id, { code, reason, nextAt: at }, failed === 1);
      log.debug({ endpoint: id, reason }, 'trying again');
    },
    onSettled: () => retries.settled(id),
    onPause,
    onDoubt: (reason) => {
      metrics.doubts.inc({ endpoint: id });
      log.warn({ endpoint: id, reason }, 'the polling may be set wrongly');
    },
    onNews: (news) => log.warn({ endpoint: id }, news),
  };
}
