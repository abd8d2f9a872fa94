import { Counter, type EntityQueue, type Logger, type Publications, type Registry, redactUrl } from '@tributary/shared';
import type { CursorStore } from '../cursor/cursor.js';
import type { Endpoint } from '../endpoint.js';
import type { LeaseTable } from '../leases/table.js';
import { earlierMark } from '../poll/mark.js';
import type { PollSteps } from '../poll/poll.js';
import { describeLoss, type Loss } from './losses.js';

/** Notes what was confirmed, until it is settled. */
export function confirmedNoter(
  publications: Publications,
  queues: readonly EntityQueue[],
  now: () => number,
): NonNullable<PollSteps['confirmed']> {
  const queueOf = new Map(queues.map(({ entity, queue }) => [entity, queue]));
  return async ({ id }, run, messages, since) => {
    const part = messages.takeConfirmed();
    if (part === undefined) return;
    const counts = Object.fromEntries(
      Object.entries(part.counts).map(([entity, confirmed]) => [queueOf.get(entity) ?? entity, confirmed]),
    );
    const { token } = part;
    await publications.note({ token, endpoint: id, run, counts, at: now(), ...(since === undefined ? {} : { since }) });
  };
}

export interface RecoveryOptions {
  readonly endpoints: readonly Endpoint[];
  readonly cursors: CursorStore;
  readonly table: LeaseTable;
  readonly registry: Registry;
  readonly log: Logger;
  readonly amqpUrl: string;
  /** When a poll of the endpoint last succeeded, in milliseconds since the epoch. */
  readonly lastSuccess: (endpoint: string) => number | undefined;
  readonly now: () => number;
}

/** Lets endpoints be polled again whose records the broker has lost, and tells people. */
export class LossRecovery {
  readonly #options: RecoveryOptions;
  readonly #lost: Counter<'endpoint' | 'queue'>;
  /** By endpoint, what is told until it is polled again. */
  readonly #told = new Map<string, { readonly words: string; readonly at: number }>();

  constructor(options: RecoveryOptions) {
    this.#options = options;
    this.#lost = new Counter({
      name: 'tributary_lost_records_total',
      help: 'Records that RabbitMQ had confirmed and lost before they were written; their endpoints are polled again',
      labelNames: ['endpoint', 'queue'],
      registers: [options.registry],
    });
  }

  /** What was lost and is not polled again yet, in words. */
  problems(): string[] {
    for (const [endpoint, { at }] of this.#told) {
      if ((this.#options.lastSuccess(endpoint) ?? 0) > at) this.#told.delete(endpoint);
    }
    return [...this.#told.values()].map(({ words }) => words);
  }

  async recover(loss: Loss): Promise<void> {
    const { endpoints, cursors, table, log, now } = this.#options;
    const { endpoint: id } = loss;
    const endpoint = endpoints.find((one) => one.id === id);
    if (endpoint === undefined) return;
    const since = loss.since?.reduce((a, b) => earlierMark(endpoint, a, b));
    if (since === undefined) await cursors.reset(endpoint);
    else await cursors.stepBack(endpoint, since);
    await table.ask(id, 'restart');
    for (const [queue, missing] of Object.entries(loss.records)) this.#lost.inc({ endpoint: id, queue }, missing);
    const servers = this.#options.amqpUrl.split(',').map(redactUrl).join(', ');
    const words = `RabbitMQ (${servers}) has lost ${describeLoss(loss)} that ${id} had published: the queue was deleted or emptied, or the server came back without its data`;
    const again = since === undefined ? 'the endpoint is polled in full' : `the endpoint is polled again from ${since}`;
    log.error({ endpoint: id, records: loss.records, since }, `${words}; ${again}. ${UNKNOWN}`);
    this.#told.set(id, { words: `${words}; ${again}`, at: now() });
  }
}

const UNKNOWN = 'What other programs had put into the queue, and dead letters, cannot be polled again';
