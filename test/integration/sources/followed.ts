import {
  createLogger,
  createRegistry,
  type EntityRecord,
  parseJson,
  systemClock,
  versionOrder,
} from '@tributary/shared';
import { Client } from 'pg';
import { afterAll, beforeAll, onTestFinished, vi } from 'vitest';
import type { LandedRow } from '../../../consumer/src/sinks/port.js';
import { type CursorStore, memoryCursorStore } from '../../../producer/src/cursor/cursor.js';
import { type KnownKeys, memoryKnownKeys } from '../../../producer/src/cursor/known-keys.js';
import { compileEndpoints } from '../../../producer/src/endpoint.js';
import { follow } from '../../../producer/src/follow/follow.js';
import { createPollMetrics } from '../../../producer/src/metrics.js';
import { PollProgress } from '../../../producer/src/poll/progress.js';
import { createIds } from '../../../producer/src/publish/ids.js';
import type { OutgoingMessage } from '../../../producer/src/publish/messages.js';
import { PublishRun } from '../../../producer/src/publish/publish-run.js';
import { EndpointFindings } from '../../../producer/src/shape/endpoint-findings.js';
import { compileShape } from '../../../producer/src/shape/shape.js';
import { createSource } from '../../../producer/src/sources/kinds.js';
import { isFollowed, type SourceEvents } from '../../../producer/src/sources/port.js';
import { createSurroundings } from '../../../producer/src/sources/surroundings.js';
import { pipelineWith } from '../../../producer/test/support/pipeline.js';

import type { PrivateService } from '../../services/handle.js';
import { startLogicalPostgres } from '../../services/postgres.js';

const log = createLogger({ service: 'producer', instance: 'test', level: 'silent' });

/** Statements, each in a transaction of its own. */
export async function runOn(url: string, ...statements: readonly string[]): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    let rows: Record<string, unknown>[] = [];
    for (const statement of statements) rows = (await client.query(statement)).rows as Record<string, unknown>[];
    return rows;
  } finally {
    await client.end();
  }
}

/** A Postgres whose changes can be followed, for all tests of a file. */
export function sharedPostgres(settings: object = {}) {
  let server: PrivateService | undefined;
  beforeAll(async () => {
    server = await startLogicalPostgres(settings);
  }, 180_000);
  afterAll(async () => {
    await server?.stop();
  });
  const started = (): PrivateService => {
    if (server === undefined) throw new Error('the Postgres of the tests is not there yet');
    return server;
  };
  const run = (...statements: readonly string[]) => runOn(started().url, ...statements);
  return {
    get url() {
      return started().url;
    },
    run,
    /** Drops the slots whose names begin so, also while a process streams from them. */
    async dropSlots(prefix: string): Promise<void> {
      const ours = `FROM pg_replication_slots WHERE starts_with(slot_name, '${prefix}_')`;
      await run(`SELECT pg_terminate_backend(active_pid) ${ours} AND active_pid IS NOT NULL`);
      await vi.waitFor(() => run(`SELECT pg_drop_replication_slot(slot_name) ${ours}`), {
        interval: 100,
        timeout: 30_000,
      });
    },
  };
}

/** What the consumers would make of messages: for each entity the contents of each key, in the order in which they landed. */
export class Landing {
  readonly #contents = new Map<string, EntityRecord[]>();
  readonly #orders = new Map<string, string>();
  /** By entity and key, the message of the newest content. */
  readonly #messageIds = new Map<string, string>();
  /** RabbitMQ confirms what comes, and loses it. */
  isLosing = false;
  /** Messages that changed nothing. */
  dropped = 0;

  take(record: EntityRecord, messageId: string): void {
    if (this.isLosing) return;
    const name = `${record.entity} ${record.key}`;
    const order = versionOrder(record.version, messageId);
    const contents = this.#contents.get(name) ?? [];
    this.#contents.set(name, contents);
    const isNew = order > (this.#orders.get(name) ?? '') && contents.at(-1)?.hash !== record.hash;
    if (order > (this.#orders.get(name) ?? '')) this.#orders.set(name, order);
    if (isNew) {
      contents.push(record);
      this.#messageIds.set(name, messageId);
    } else this.dropped += 1;
  }

  /** The output loses all that it has of these keys, and the ledger learns that. */
  forget(entity: string, keys: readonly string[]): void {
    for (const key of keys) {
      this.#contents.delete(`${entity} ${key}`);
      this.#orders.delete(`${entity} ${key}`);
    }
  }

  /** What is there now, by key. */
  rows(entity: string): Record<string, unknown> {
    const rows = [...this.#contents].flatMap(([name, contents]) => {
      const last = contents.at(-1);
      return name.startsWith(`${entity} `) && last?.payload ? [[last.key, last.payload] as const] : [];
    });
    return Object.fromEntries(rows.sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** As a sink tells it when the ledger is rebuilt: the newest row of each key. */
  *landed(): Generator<LandedRow> {
    for (const [name, contents] of this.#contents) {
      const last = contents.at(-1);
      if (last === undefined) continue;
      const { key, version, hash, payload } = last;
      const messageId = this.#messageIds.get(name) ?? '';
      yield { key, version, hash, messageId, deleted: payload === null, values: payload ?? {} };
    }
  }

  /** All that was ever there under a key; null where it was deleted. */
  history(entity: string, key: string): unknown[] {
    return (this.#contents.get(`${entity} ${key}`) ?? []).map(({ payload }) => payload);
  }
}

interface Stores {
  readonly cursors: CursorStore;
  readonly known: KnownKeys;
}

/** Follows tables of a Postgres as a producer does, with stores and a broker that are in memory. */
export function followerOf(endpoints: Record<string, object>, more: object) {
  const settings = Object.entries(endpoints).map(([id, one]) => [
    id,
    { source: 'postgres-changes', retries: 3, retryDelay: '50ms', ...one },
  ]);
  const config = pipelineWith(Object.fromEntries(settings), more);
  const [endpoint, ...others] = compileEndpoints(config);
  if (endpoint === undefined || others.length > 0) throw new Error('expected one group of endpoints');
  const stores: Stores = { cursors: memoryCursorStore(), known: memoryKnownKeys() };
  const landing = new Landing();
  const news: string[] = [];
  const doubts: string[] = [];
  const messages: OutgoingMessage[] = [];
  const ids = createIds();
  const metrics = createPollMetrics(createRegistry('producer'));
  const entities = new Map([endpoint, ...endpoint.members].map(({ entity }) => [entity.name, entity]));

  /** A producer that begins; it knows only what is in the stores. */
  const open = () => {
    const surroundings = createSurroundings({ limits: config.limits, clock: systemClock });
    onTestFinished(() => surroundings.close());
    const events: SourceEvents = {
      onRetry: () => {},
      onDoubt: (doubt) => void doubts.push(doubt),
      onNews: (one) => void news.push(one),
    };
    const source = createSource(endpoint, surroundings, events);
    if (!isFollowed(source)) throw new Error('it is not followed');
    const stop = new AbortController();
    onTestFinished(() => stop.abort(new Error('the test is over')));
    /** @param onMessage may throw: the producer dies there, before the message is published */
    const run = async (
      manner: { full?: boolean; hurried?: boolean } = {},
      onMessage = (_message: OutgoingMessage) => {},
    ) => {
      const publisher = {
        begin: () => {
          const begun = new PublishRun((message, of) => {
            onMessage(message);
            messages.push(message);
            const entity = entities.get(message.envelope.entity);
            if (entity === undefined) throw new Error('unknown entity');
            landing.take(entity.decode(parseJson(message.body.toString())), message.envelope.messageId);
            of.settle(true, undefined);
            return undefined;
          });
          return begun;
        },
      };
      const members = [endpoint, ...endpoint.members].map((one) => ({
        endpoint: one,
        shape: compileShape(one.entity.config, one.config, new EndpointFindings(one, metrics, log)),
      }));
      const progress = new PollProgress(endpoint, metrics, log);
      const steps = { ...stores, source, members, publisher, clock: systemClock, ids };
      await follow(endpoint, steps, progress, stop.signal, {
        trial: false,
        full: manner.full ?? false,
        hurried: manner.hurried ?? false,
      });
      return progress.summary(0);
    };
    return { run, source, stop: () => stop.abort(new Error('stopped')) };
  };
  /** Redis comes back empty: places and keys are gone. */
  const loseRedis = () => Object.assign(stores, { cursors: memoryCursorStore(), known: memoryKnownKeys() });
  return { config, endpoint, open, landing, news, doubts, messages, stores, loseRedis };
}
