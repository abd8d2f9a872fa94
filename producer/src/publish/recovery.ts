import {
  Counter,
  count,
  type EntityQueue,
  type Logger,
  type Publications,
  type Registry,
  redactUrl,
} from '@tributary/shared';
import type { CursorStore } from '../cursor/cursor.js';
import type { Endpoint } from '../endpoint.js';
import { earlierMark } from '../poll/mark.js';
import type { PollSteps } from '../poll/poll.js';
import { describeLoss, type Loss } from './losses.js';

/** Notes what was confirmed, until it is settled. */
export function confirmedNoter(
  publications: Publications,
  queues: readonly EntityQueue[],
): NonNullable<PollSteps['confirmed']> {
  const queueOf = new Map(queues.map(({ entity, queue }) => [entity, queue]));
  /** By endpoint, the number of the last note. */
  const noted = new Map<string, number>();
  return async (endpoint, { numbering }, since) => {
    const parts = numbering?.take() ?? [];
    if (parts.length === 0) return;
    const { id } = endpoint;
    const messages = parts.map(({ entity, ...part }) => ({ ...part, queue: queueOf.get(entity) ?? entity }));
    const earlier = (a: string, b: string) => earlierMark(endpoint, a, b);
    const seq = await publications.note({ endpoint: id, messages, since, earlier, after: noted.get(id) ?? 0 });
    noted.set(id, seq);
    numbering?.noted();
    // If something of a poll over everything is lost, everything is polled again. That must not become so for what follows.
    if (since === undefined && endpoint.config.incremental !== undefined) numbering?.end();
  };
}

export interface RecoveryOptions {
  readonly endpoints: readonly Endpoint[];
  readonly cursors: CursorStore;
  /** Lets the endpoint be polled from its cursor, now. */
  readonly askFor: (endpoint: string) => Promise<void>;
  readonly registry: Registry;
  readonly log: Logger;
  readonly amqpUrl: string;
  /** When the last poll of the endpoint that succeeded began, by the clock that is never set. */
  readonly lastSuccess: (endpoint: string) => number | undefined;
  /** Milliseconds of the clock that is never set. */
  readonly monotonic: () => number;
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
      if ((this.#options.lastSuccess(endpoint) ?? Number.NEGATIVE_INFINITY) > at) this.#told.delete(endpoint);
    }
    return [...this.#told.values()].map(({ words }) => words);
  }

  async recover(loss: Loss): Promise<void> {
    const { endpoints, cursors, askFor, log, monotonic } = this.#options;
    const { endpoint: id } = loss;
    const endpoint = endpoints.find((one) => one.id === id);
    if (endpoint === undefined) return;
    const since = loss.since?.reduce((a, b) => earlierMark(endpoint, a, b));
    if (since === undefined) await cursors.lose(endpoint);
    else await cursors.stepBack(endpoint, since);
    // A poll that begins from here on brings what was lost.
    const at = monotonic();
    await askFor(id);
    for (const [queue, missing] of Object.entries(loss.records)) this.#lost.inc({ endpoint: id, queue }, missing);
    const servers = this.#options.amqpUrl.split(',').map(redactUrl).join(', ');
    const words = `RabbitMQ (${servers}) has lost ${describeLoss(loss)} that ${id} had published: the queue was deleted or emptied, or the server came back without its data`;
    const again = since === undefined ? 'the endpoint is polled in full' : `the endpoint is polled again from ${since}`;
    log.error({ endpoint: id, records: loss.records, since }, `${words}; ${again}. ${describeOthers(loss)}`);
    this.#told.set(id, { words: `${words}; ${again}`, at });
  }
}

function describeOthers({ others }: Loss): string {
  const what = 'What other programs had put into the queue, and dead letters, cannot be polled again';
  if (others === undefined || others === 0) return what;
  return `${what}: beside these records the queue held up to ${count(others, 'message')} before (of other programs or endpoints)`;
}
