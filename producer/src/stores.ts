import {
  type Clock,
  claimPipeline,
  doubtLedger,
  type Logger,
  memoryRunLog,
  needsOf,
  openRedis,
  type PipelineClaimOptions,
  type Publications,
  type ReleaseList,
  type RunLog,
  redisPublications,
  redisRunLog,
} from '@tributary/shared';
import { type CursorStore, memoryCursorStore } from './cursor/cursor.js';
import { redisCursorStore } from './cursor/cursor-redis.js';
import { type KnownKeys, memoryKnownKeys } from './cursor/known-keys.js';
import { redisKnownKeys } from './cursor/known-keys-redis.js';
import type { KeptByRuns } from './cursor/saved-marks.js';
import { type LeaseTable, memoryLeaseTable } from './leases/table.js';
import { redisLeaseTable } from './leases/table-redis.js';
import { memoryStateStore, type StateStore } from './schedule/states.js';
import { redisStateStore } from './schedule/states-redis.js';
import { createSeal } from './sources/rest/auth/seal.js';
import { memoryTokenStore, type TokenStore } from './sources/rest/auth/token-store.js';
import { redisTokenStore } from './sources/rest/auth/token-store-redis.js';
import type { EventCopies } from './sources/webhook/copies.js';
import { redisEventCopies } from './sources/webhook/copies-redis.js';

/** The stores of what must survive a run, a restart, or the move of an endpoint to another producer. */
export interface Stores {
  readonly cursors: CursorStore;
  readonly known: KnownKeys;
  readonly states: StateStore;
  readonly runs: RunLog;
  readonly table: LeaseTable;
  /** The consumers' ledger: see doubtLedger. */
  readonly ledger: { doubt(): Promise<void> };
  /** What the broker has confirmed and no consumer has settled; undefined where the queues end with this process. */
  readonly publications: Publications | undefined;
  /** Copies of events whose senders were told that they were taken; undefined where {@link publications} is. */
  readonly copies: EventCopies | undefined;
  /** Resolves when the pipeline's name is ours (see claimPipeline). */
  readonly claim: (options: Omit<PipelineClaimOptions, 'redis'>) => Promise<void>;
  /** Tokens that the settings cannot obtain again. */
  readonly tokens: TokenStore;
  /** The same, for a caller that sees to it that no producer polls yet, and so needs no lease. */
  readonly unleased: KeptByRuns;
  /** Why the stores cannot be reached now, in words; undefined if they can. */
  problem(): string | undefined;
}

export interface RedisStoreOptions {
  readonly redisUrl: string;
  readonly instance: string;
  /** The pipeline's name. */
  readonly pipeline: string;
  readonly log: Logger;
  readonly clock: Clock;
  /** What tokens are encrypted with; without it they are kept in this process only. */
  readonly secret: string | undefined;
  /** As of redisCursorStore. */
  fenceOf(endpoint: string): number | undefined;
}

export function openRedisStores(options: RedisStoreOptions, releases: ReleaseList): Stores {
  const { redisUrl, instance, pipeline, log, clock, secret, fenceOf } = options;
  const { redis, health } = openRedis({
    url: redisUrl,
    connectionName: `producer ${instance}`,
    log,
    needs: needsOf(pipeline, true),
  });
  releases.add('the Redis connection', () => redis.disconnect());
  const states = redisStateStore(redis, pipeline);
  return {
    cursors: redisCursorStore(redis, pipeline, fenceOf),
    known: redisKnownKeys(redis, pipeline, fenceOf),
    states,
    runs: redisRunLog(redis, pipeline),
    table: redisLeaseTable(redis, pipeline),
    ledger: { doubt: () => doubtLedger(redis, pipeline) },
    publications: redisPublications(redis, pipeline),
    copies: redisEventCopies(redis, pipeline),
    claim: (claim) => claimPipeline({ redis, ...claim }),
    tokens:
      secret === undefined
        ? memoryTokenStore()
        : redisTokenStore({ redis, pipeline, seal: () => createSeal(secret, pipeline), clock, log }),
    unleased: { cursors: redisCursorStore(redis, pipeline), known: redisKnownKeys(redis, pipeline), states },
    problem: () => health.problem,
  };
}

/** Stores in memory, for one process: they are lost when it ends. */
export function memoryStores(cursors = memoryCursorStore()): Stores {
  const kept = { cursors, known: memoryKnownKeys(), states: memoryStateStore() };
  return {
    ...kept,
    runs: memoryRunLog(),
    table: memoryLeaseTable(),
    publications: undefined,
    copies: undefined,
    claim: async () => {},
    // A producer without Redis is not asked to reset anything.
    ledger: { doubt: async () => {} },
    tokens: memoryTokenStore(),
    unleased: kept,
    problem: () => undefined,
  };
}
