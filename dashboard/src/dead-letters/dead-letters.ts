import { isUtf8 } from 'node:buffer';
import {
  type Clock,
  type ConsumeMessage,
  compileEntity,
  type Entity,
  type EntityQueue,
  type PipelineConfig,
  PoisonError,
  type Topology,
  topologyOf,
} from '@tributary/shared';
import type { Actor, AuditedAct, AuditLog } from '../audit/audit.js';
import type { Broker } from '../broker.js';
import { type Acted, actOnQueue, type DoTo, type Visit } from './act.js';
import { type DeadLetter, type LetterMatch, readLetter } from './letter.js';
import { withLock } from './lock.js';
import { Replayer } from './replayer.js';
import { type SweepOptions, type Swept, sweep } from './sweep.js';

/** One dead letter in full. */
export interface WholeLetter {
  readonly letter: DeadLetter;
  /** Its body as text; bytes that are no UTF-8 are shown as �. */
  readonly body: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

export interface SweepLimits {
  /** A list holds this many digests of each queue at most, of some 600 bytes each. */
  readonly listed: number;
  /** Bytes that are fetched for a list at most. */
  readonly listedBytes: number;
  /** Letters that a look may take at once on one channel. */
  readonly looking: number;
  /** Letters that an action may take at once: it holds their bodies. */
  readonly acting: number;
}

const LIMITS: SweepLimits = { listed: 20_000, listedBytes: 1024 ** 3, looking: 60_000, acting: 4_000 };

export interface DeadLettersOptions {
  readonly config: PipelineConfig;
  readonly broker: Broker;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly limits?: Partial<SweepLimits> | undefined;
}

/** The dead letters of a pipeline: looked at, mended and sent again, or thrown away. */
export class DeadLetters {
  readonly topology: Topology;
  readonly #limits: SweepLimits;
  readonly #entities: ReadonlyMap<string, Entity>;
  /** In this process, one after the other for each queue. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(private readonly options: DeadLettersOptions) {
    this.topology = topologyOf(options.config);
    this.#limits = { ...LIMITS, ...options.limits };
    const entities = Object.entries(options.config.entities);
    this.#entities = new Map(entities.map(([name, entity]) => [name, compileEntity(name, entity)]));
  }

  /** How many lie on each queue, without looking at any. */
  async counts(): Promise<{ readonly queue: string; readonly entity: string; readonly letters: number }[]> {
    return await Promise.all(
      this.topology.queues.map(async ({ queue, entity, deadQueue }) => {
        const depth = await this.options.broker.depth(deadQueue);
        return { queue, entity, letters: depth?.messages ?? 0 };
      }),
    );
  }

  /** The letters of one queue, the oldest first; digests alone, and no more than memory can bear. */
  async list(queue: string, signal: AbortSignal): Promise<{ letters: DeadLetter[]; complete: boolean }> {
    const letters: DeadLetter[] = [];
    const { listed: atMost, listedBytes: atMostBytes, looking: perChannel } = this.#limits;
    const bounds = { atMost, atMostBytes, perChannel };
    const { complete } = await this.#sweep(this.#queue(queue), bounds, signal, (_message, letter) => {
      letters.push(letter);
      return 'keep';
    });
    return { letters, complete };
  }

  async find(queue: string, id: string, signal: AbortSignal): Promise<WholeLetter | undefined> {
    let found: WholeLetter | undefined;
    const stop = new AbortController();
    const either = AbortSignal.any([signal, stop.signal]);
    const bounds = { ...EVERYTHING, perChannel: this.#limits.looking };
    await this.#sweep(this.#queue(queue), bounds, either, (message, letter) => {
      if (letter.id === id && found === undefined) {
        const headers = message.properties.headers ?? {};
        found = { letter, body: message.content.toString('utf8'), headers };
        stop.abort();
      }
      return 'keep';
    });
    return found;
  }

  /** @throws PoisonError as the consumer would: what is wrong with a body, naming the field */
  validate(entity: string, body: string): void {
    const compiled = this.#entities.get(entity);
    if (compiled === undefined) throw new PoisonError('entity_unknown', `this pipeline has no entity "${entity}"`);
    let record: unknown;
    try {
      record = JSON.parse(body);
    } catch (cause) {
      throw new PoisonError('not_json', (cause as Error).message, undefined, { cause });
    }
    compiled.decode(record);
  }

  /** Sends letters back into the pipeline: each is confirmed there before it is acknowledged here. */
  async replay(match: LetterMatch, actor: Actor, signal: AbortSignal, body?: string): Promise<Acted> {
    const act = await this.options.audit.begin(actor, 'replay', { match, edited: body !== undefined });
    const replayer = await Replayer.open(this.options.broker, this.topology.exchange);
    try {
      return await this.#act(act, match, signal, async (message, letter) => {
        await act.note('letter', {
          ...nameOf(letter),
          ...(body === undefined ? {} : { before: bodyOf(message), body }),
        });
        await replayer.replay(message, letter.entity, body === undefined ? undefined : Buffer.from(body));
      });
    } finally {
      await replayer.close();
    }
  }

  /** Throws letters away; what they held stays in the audit log. */
  async discard(match: LetterMatch, reason: string, actor: Actor, signal: AbortSignal): Promise<Acted> {
    const act = await this.options.audit.begin(actor, 'discard', { match, reason });
    return await this.#act(act, match, signal, async (message, letter) => {
      await act.note('letter', { ...nameOf(letter), body: bodyOf(message) });
    });
  }

  async #act(act: AuditedAct, match: LetterMatch, signal: AbortSignal, doTo: DoTo): Promise<Acted> {
    const total = { done: 0, looked: 0, complete: true };
    const queues = this.topology.queues.filter(({ queue }) => (match.queue ?? queue) === queue);
    try {
      for (const queue of queues) {
        const bounds = { ...EVERYTHING, perChannel: this.#limits.acting };
        const pass = (until: AbortSignal, visit: Visit) => this.#sweep(queue, bounds, until, visit);
        await actOnQueue(pass, match, signal, doTo, total);
      }
    } catch (error) {
      await act.note('failed', { ...total, why: (error as Error).message }).catch(() => {});
      throw error;
    }
    await act.note('done', total);
    return total;
  }

  async #sweep(queue: EntityQueue, bounds: Bounds, signal: AbortSignal, visit: Visit): Promise<Swept> {
    const { broker, clock } = this.options;
    const { deadQueue } = queue;
    const sweepIt = () =>
      sweep(broker, {
        ...{ deadQueue, ...bounds, signal, clock },
        visit: (message) => visit(message, readLetter(message, queue)),
      });
    const before = this.#turns.get(deadQueue) ?? Promise.resolve();
    const turn = before.then(() => withLock(broker, deadQueue, clock, sweepIt));
    const settled = turn.catch(() => {});
    this.#turns.set(deadQueue, settled);
    return await turn;
  }

  #queue(name: string): EntityQueue {
    const found = this.topology.queues.find(({ queue }) => queue === name);
    if (found === undefined) throw new PoisonError('queue_unknown', `this pipeline has no queue "${name}"`);
    return found;
  }
}

type Bounds = Pick<SweepOptions, 'atMost' | 'atMostBytes' | 'perChannel'>;
const EVERYTHING = { atMost: Number.POSITIVE_INFINITY, atMostBytes: Number.POSITIVE_INFINITY };

const nameOf = ({ id, queue, entity, key, messageId, code, reason }: DeadLetter) => ({
  ...{ id, queue, entity, key, messageId, code, why: reason },
});

/** Whole, so that nothing is lost by a discard: as text, or in base64 if it is none. */
const bodyOf = ({ content }: ConsumeMessage): string =>
  isUtf8(content) ? content.toString('utf8') : `base64:${content.toString('base64')}`;
