import type { Clock, Logger, PipelineConfig } from '@tributary/shared';
import type { EnteredLedger, LedgerStore } from '../ledger/port.js';
import { RedisLedger } from '../ledger/redis.js';
import type { LedgerRedis } from '../ledger/redis-client.js';
import { createMergeRows } from '../merge/rows.js';
import type { Sink } from '../sinks/port.js';
import { Deployment } from './deployment.js';
import { enterEpoch } from './epoch.js';
import { endpointsOf, type Forms, formsOf, nameOfForms } from './forms.js';
import { checkOutput } from './output.js';
import { rebuildFromSink } from './rebuild.js';
import { keepRetention, type OnRemoved } from './retention.js';

export interface LedgerStoreOptions {
  readonly redis: LedgerRedis;
  readonly config: PipelineConfig;
  /** What the ledger is rebuilt from when Redis has lost it. */
  readonly sink: Sink;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called with why this consumer waits, because consumers of a newer configuration are at work. */
  readonly onWaiting?: (problem: string) => void;
  /** Called with rows that were removed, since they are kept no longer. */
  readonly onRemoved?: OnRemoved;
}

/** The ledger in Redis, rebuilt from the sink whenever it is lost. */
export class RedisLedgerStore implements LedgerStore {
  readonly #options: LedgerStoreOptions;
  readonly #mergeName: string;
  readonly #forms: Forms;
  readonly #deployment: Deployment;
  readonly #mergeDatasets: ReadonlySet<string>;

  constructor(options: LedgerStoreOptions) {
    this.#options = options;
    this.#mergeName = nameOfForms(options.config);
    this.#forms = formsOf(options.config);
    const { redis, clock, config } = options;
    this.#deployment = new Deployment({ redis, pipeline: config.name, forms: this.#mergeName, clock });
    this.#mergeDatasets = new Set(createMergeRows(options.config).map(({ dataset }) => dataset));
  }

  async enter(writer: string, signal: AbortSignal): Promise<EnteredLedger> {
    const { redis, config, sink, clock, log, onWaiting, onRemoved } = this.#options;
    const pipeline = config.name;
    const rebuild = rebuildFromSink(this.#options);
    const { name, keys } = await enterEpoch({
      redis,
      pipeline,
      sink,
      mergeName: this.#mergeName,
      rebuild,
      forms: this.#forms,
      keepRetention: (epoch) => keepRetention({ redis, config, sink, clock, log, onRemoved }, epoch),
      endpointsOf: (datasets) => endpointsOf(config, datasets),
      deployment: this.#deployment,
      ...(onWaiting !== undefined && { onWaiting }),
      clock,
      log,
      signal,
    });
    const ledger = new RedisLedger({ redis, keys, epoch: name, writer, mergeDatasets: this.#mergeDatasets });
    return { epoch: name, ledger, check: () => checkOutput({ redis, sink }, name, keys) };
  }
}
