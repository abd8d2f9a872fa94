import type { IncomingMessage } from 'node:http';
import {
  activeSpan,
  Buckets,
  type Clock,
  describeError,
  inTime,
  type Logger,
  type Telemetry,
  traced,
} from '@tributary/shared';
import type { Endpoint } from '../../endpoint.js';
import type { PollMetrics } from '../../metrics.js';
import { publishing } from '../../poll/page-traces.js';
import type { Ids } from '../../publish/ids.js';
import { messageMaker, type OutgoingMessage } from '../../publish/messages.js';
import { Bodies } from './body.js';
import { doorName } from './confirmed-events.js';
import { readEvent, shownHeaders } from './event.js';
import type { Hook } from './hooks.js';
import type { Intake } from './intake.js';
import type { HookMetrics } from './metrics.js';
import { type Outcome, Refused } from './refused.js';
import { Repeats } from './repeats.js';
import type { HookRequest, Reply } from './senders/sender.js';
import { Told } from './told.js';

export interface DoorOptions {
  readonly hooks: ReadonlyMap<string, Hook>;
  readonly intake: Intake;
  readonly metrics: HookMetrics;
  readonly pollMetrics: Pick<PollMetrics, 'filtered' | 'deleted' | 'keyless'>;
  readonly ids: Ids;
  readonly clock: Clock;
  readonly log: Logger;
  /** Tells of the events that are taken; nothing is traced unless given. */
  readonly telemetry?: Telemetry | undefined;
  /** Why nothing can be taken for an endpoint now, for the log; undefined if it can. */
  pressure(hook: Hook): string | undefined;
  /** To be awaited before records are published: other endpoints that note the keys learn the versions. */
  hear(hook: Hook, messages: readonly OutgoingMessage[]): Promise<void>;
  /** Called when so many records of an event are confirmed. */
  took(endpoint: Endpoint, records: number): void;
  /** Lets the endpoint be polled. */
  poll(id: string): Promise<void>;
}

/** What a request is answered with. */
export interface Answer {
  readonly outcome: Outcome;
  readonly status: number;
  readonly reply?: Reply;
  /** Seconds of Retry-After. */
  readonly after?: number | undefined;
  readonly error?: string;
  /** Methods of Allow. */
  readonly allow?: string;
}

/** Seconds after which a sender is asked to send again. */
const AGAIN = 10;

/**
 * Takes events. The answer is good only when RabbitMQ has confirmed every record, and their copies are kept: so a sender that repeats
 * until it gets such an answer loses nothing, whatever dies here. It may repeat what was taken: the consumer drops what it has.
 */
export class Door {
  readonly #options: DoorOptions;
  readonly #bodies = new Bodies();
  readonly #repeats = new Repeats();
  readonly #rates: ReadonlyMap<string, Buckets>;
  readonly #told: Told;
  #isClosed = false;

  constructor(options: DoorOptions) {
    const { hooks, clock, log } = options;
    this.#options = options;
    this.#rates = new Map([...hooks].map(([id, { config }]) => [id, new Buckets(config.rate, clock)]));
    this.#told = new Told(clock, log);
  }

  /** Takes nothing more. */
  close(): void {
    this.#isClosed = true;
  }

  /** Never rejects. */
  async take(id: string, request: IncomingMessage): Promise<Answer> {
    const { hooks, metrics, clock } = this.#options;
    const hook = hooks.get(id);
    const begun = clock.monotonic();
    // A request that is over has no socket any more.
    const from = request.socket.remoteAddress ?? '';
    const answer = await this.#answer(hook, request, from);
    // A name that a stranger made up must not become a label.
    const endpoint = hook?.endpoint.id ?? '(unknown)';
    metrics.requests.inc({ endpoint, outcome: answer.outcome });
    if (answer.outcome === 'accepted') metrics.duration.observe({ endpoint }, (clock.monotonic() - begun) / 1_000);
    return answer;
  }

  async #answer(hook: Hook | undefined, request: IncomingMessage, from: string): Promise<Answer> {
    try {
      if (hook === undefined) throw new Refused('unknown', 'there is no door for events of this name');
      return await this.#take(hook, request);
    } catch (error) {
      const refused = error instanceof Refused ? error : notNow(describeError(error));
      this.#told.refused(hook?.endpoint.id ?? '(unknown)', refused, from);
      const { outcome, status, message, after } = refused;
      const allow = outcome === 'wrong_method' ? ['POST', ...(hook?.sender.methods ?? [])].join(', ') : undefined;
      return { outcome, status, error: message, after, ...(allow !== undefined && { allow }) };
    }
  }

  async #take(hook: Hook, incoming: IncomingMessage): Promise<Answer> {
    const { config, sender, endpoint } = hook;
    const { method = '' } = incoming;
    if (method !== 'POST' && !sender.methods.includes(method)) {
      throw new Refused('wrong_method', 'events are sent by POST');
    }
    // Of what cannot be taken, no body is read.
    this.#checkPressure(hook);
    const request = requestOf(incoming, await this.#bodies.read(incoming, config.maxBodySize));
    const challenge = sender.challenge?.(request);
    if (challenge !== undefined) return replied(challenge);
    if (method !== 'POST') throw new Refused('wrong_method', 'events are sent by POST');
    const received = this.#options.clock.now();
    sender.check(request, { now: received, tolerance: config.tolerance });
    this.#checkRate(endpoint.id);
    const event = readEvent(request.body, request.header('content-type') ?? '', config.payload);
    sender.checkEvent?.(event);
    const answer = sender.answer?.(event);
    if (answer !== undefined) return replied(answer);
    if (config.notifies) {
      await this.#options.poll(endpoint.id);
      return { outcome: 'notified', status: 200 };
    }
    const headers = shownHeaders(incoming.headers, hook.secretHeader);
    const records = hook.records.of(event, { headers, received: new Date(received).toISOString() });
    const isRepeated = this.#repeats.has(endpoint.id, request.body);
    await this.#accept(hook, request, () => this.#publish(hook, records, received));
    if (isRepeated) this.#options.metrics.repeated.inc({ endpoint: endpoint.id });
    this.#repeats.add(endpoint.id, request.body);
    return { outcome: 'accepted', status: 200 };
  }

  /** Goes on with the trace of the sender, who has shown who it is by now: a stranger makes no spans. */
  async #accept({ endpoint: { id, entity } }: Hook, request: HookRequest, publish: () => Promise<void>): Promise<void> {
    const attributes = { 'http.request.method': request.method, 'http.route': '/hooks/:id', 'tributary.endpoint': id };
    const continues = request.header('traceparent');
    const { queue } = entity.config;
    await traced(
      this.#options.telemetry,
      `receive ${id}`,
      () => ({ kind: 'server', continues, attributes }),
      () =>
        traced(
          this.#options.telemetry,
          `publish ${queue}`,
          () => ({ kind: 'producer', attributes: publishing(queue, entity.name, id) }),
          publish,
        ),
    );
  }

  #checkPressure(hook: Hook): void {
    const pressure = this.#isClosed ? 'the producer is stopping' : this.#options.pressure(hook);
    if (pressure !== undefined) throw notNow(pressure);
  }

  /** Of senders that have shown who they are: a stranger cannot use their share up. */
  #checkRate(id: string): void {
    const buckets = this.#rates.get(id);
    const after = buckets?.wait(id) ?? 0;
    if (after > 0)
      throw new Refused('too_many', `more requests than are taken here; try again in ${after} s`, { after });
    buckets?.take(id);
  }

  #messagesOf({ endpoint, shape }: Hook, records: readonly unknown[], received: number): OutgoingMessage[] {
    const { ids, pollMetrics } = this.#options;
    const messageOf = messageMaker(endpoint, 0, ids);
    const labels = { endpoint: endpoint.id };
    const messages: OutgoingMessage[] = [];
    for (const raw of records) {
      const { record, isFiltered, isDeleted } = shape.of(raw);
      if (isFiltered) {
        pollMetrics.filtered.inc(labels);
        continue;
      }
      const message = messageOf(record, received);
      if (message.envelope.key === undefined) {
        pollMetrics.keyless.inc(labels);
        if (endpoint.config.badRecords === 'count') continue;
      }
      if (isDeleted) pollMetrics.deleted.inc({ ...labels, why: 'marked' });
      messages.push(message);
    }
    shape.tell();
    return messages;
  }

  async #publish(hook: Hook, records: readonly unknown[], received: number): Promise<void> {
    const messages = this.#messagesOf(hook, records, received);
    activeSpan()?.set({ 'messaging.batch.message_count': messages.length });
    if (messages.length === 0) return;
    const { intake, hear, took, clock, metrics } = this.#options;
    const { endpoint, config } = hook;
    const publish = async () => {
      await hear(hook, messages);
      await intake.accept(doorName(endpoint.id), messages);
    };
    // What comes too late is not lost: it is on its way, and the sender sends it again.
    await inTime(clock, config.answerWithin, publish(), () =>
      notNow(`RabbitMQ has not confirmed within ${config.answerWithin / 1_000} s`),
    );
    metrics.records.inc({ endpoint: endpoint.id }, messages.length);
    took(endpoint, messages.length);
  }
}

const notNow = (inside: string) =>
  new Refused('not_now', 'this cannot be taken now; send it again later', { after: AGAIN, inside });

const replied = (reply: Reply): Answer => ({ outcome: 'challenge', status: 200, reply });

function requestOf(incoming: IncomingMessage, body: Buffer): HookRequest {
  const { method = '', url = '', headers } = incoming;
  return {
    method,
    body,
    query: new URLSearchParams(url.split('?').slice(1).join('?')),
    header(name) {
      const value = headers[name.toLowerCase()];
      return Array.isArray(value) ? value.join(',') : value;
    },
  };
}
