import {
  type Clock,
  type ConfirmedMessages,
  count,
  type Logger,
  type OpenPublication,
  type Publications,
} from '@tributary/shared';
import type { Loss } from '../../publish/losses.js';
import { describeLoss } from '../../publish/losses.js';
import type { OutgoingMessage } from '../../publish/messages.js';
import type { PublishRun } from '../../publish/publish-run.js';
import type { EventCopies } from './copies.js';
import type { HookMetrics } from './metrics.js';

/** Publications of a door that are open at a time, about. Copies are removed when the whole of a publication is settled. */
const MOST_OPEN = 16;

/** Milliseconds after which copies that no publication names are removed, if the producer that kept them is not this one. */
const FORGOTTEN = 15 * 60_000;

/** Records that are published again together. */
const TOGETHER = 1_000;

/** What the publications of a door are noted under. No endpoint can be called so. */
export const doorName = (id: string): string => `hook:${id}`;

/** The endpoint of such a name; undefined for the name of what was polled. */
export const endpointOfDoor = (name: string): string | undefined =>
  name.startsWith('hook:') ? name.slice('hook:'.length) : undefined;

export interface ConfirmedEventsOptions {
  readonly copies: EventCopies;
  readonly publications: Publications;
  /** The queue of an entity. */
  queueOf(entity: string): string;
  /** Publishes them, and keeps their copies. */
  publish(name: string, messages: readonly OutgoingMessage[]): Promise<unknown>;
  readonly metrics: Pick<HookMetrics, 'republished' | 'lost'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Copies of one publication, of this producer. */
interface Own {
  kept: number;
  /** Looks since the last of them was kept. */
  looks: number;
}

/** Keeps what RabbitMQ has confirmed until it is settled, and publishes it again where RabbitMQ has lost it. */
export class ConfirmedEvents {
  readonly #options: ConfirmedEventsOptions;
  readonly #own = new Map<string, Own>();
  /** By door, the number of the last note. */
  readonly #noted = new Map<string, number>();

  constructor(options: ConfirmedEventsOptions) {
    this.#options = options;
  }

  /**
   * To be awaited before the senders are answered: what they were told of is not sent again.
   * @returns the numbers that they have
   */
  async confirmed(
    name: string,
    messages: readonly OutgoingMessage[],
    { numbering }: PublishRun,
  ): Promise<readonly ConfirmedMessages[]> {
    const { copies, publications, queueOf, clock } = this.#options;
    const parts = numbering?.take() ?? [];
    if (parts.length === 0) return [];
    const at = clock.now();
    // A batch seldom lies in two publications. Which of them holds a message is not known, so the copies are with both.
    const kept = parts.map(({ token }) => {
      const own = this.#own.get(token) ?? { kept: 0, looks: 0 };
      this.#own.set(token, own);
      own.kept += messages.length;
      own.looks = 0;
      return copies.keep(token, { name, at }, messages);
    });
    const noted = parts.map(({ entity, ...part }) => ({ ...part, queue: queueOf(entity) }));
    const after = this.#noted.get(name) ?? 0;
    const note = publications.note({ endpoint: name, messages: noted, since: undefined, earlier: (a) => a, after });
    // At the same time: the senders wait for both, and if one fails, they send again.
    const [seq] = await Promise.all([note, ...kept]);
    this.#noted.set(name, seq);
    for (const { token } of parts) {
      const own = this.#own.get(token);
      if (own !== undefined) own.looks = 0;
    }
    numbering?.noted();
    if (this.#own.size < MOST_OPEN) numbering?.end();
    return noted;
  }

  /** Removes the copies of what is settled. @param open the publications that are not, as of now or a moment ago */
  async look(open: readonly OpenPublication[]): Promise<void> {
    const { copies, clock } = this.#options;
    const tokens = new Set(open.map(({ token }) => token));
    for (const [token, own] of this.#own) {
      if (tokens.has(token)) continue;
      own.looks += 1;
      // What was noted since is in the next look.
      if (own.looks < 2) continue;
      this.#own.delete(token);
      await copies.drop(token, own.kept);
    }
    for (const [token, { at }] of await copies.list()) {
      const isForgotten = !tokens.has(token) && !this.#own.has(token) && clock.now() - at > FORGOTTEN;
      if (isForgotten) await copies.drop(token, Number.MAX_SAFE_INTEGER);
    }
  }

  /** Publishes again what the broker has lost: the same messages, so that the consumer drops those that it has. */
  async recover(loss: Loss): Promise<void> {
    const { copies, publish, metrics, log } = this.#options;
    const endpoint = endpointOfDoor(loss.endpoint) ?? loss.endpoint;
    const missing = Object.values(loss.records).reduce((sum, records) => sum + records, 0);
    let found = 0;
    for (const [token, { name }] of await copies.list()) {
      if (name !== loss.endpoint) continue;
      const messages = await copies.read(token);
      for (let at = 0; at < messages.length; at += TOGETHER) await publish(name, messages.slice(at, at + TOGETHER));
      found += messages.length;
      const own = this.#own.get(token);
      if (own !== undefined) own.kept -= messages.length;
      await copies.drop(token, messages.length);
    }
    const words = `RabbitMQ has lost ${describeLoss(loss)} of events that were taken for ${endpoint}: the queue was deleted or emptied, or the server came back without its data`;
    metrics.republished.inc({ endpoint }, found);
    const gone = Math.max(0, missing - found);
    if (gone === 0) {
      log.error({ endpoint, records: loss.records }, `${words}; they are published again, from the copies in Redis`);
      return;
    }
    metrics.lost.inc({ endpoint }, gone);
    const remedy = 'have their sender send them again, or read the records from the service itself';
    log.error(
      { endpoint, records: loss.records, lost: gone },
      `${words}; ${found} of them are published again, and ${count(gone, 'record')} CANNOT BE BROUGHT BACK, because Redis has lost the copies too: ${remedy}`,
    );
  }
}
