import { interruptible, systemClock } from '@tributary/shared';
import { queueDepths } from '../queues.js';
import { astray } from '../settle.js';
import type { Stage } from '../stage.js';
import type { Worker } from '../worker.js';

/** Milliseconds for which work may lie there without any of it being done, while each service says that it is ready. */
const PATIENCE = 30_000;

const EVERY = 1_000;

/** Milliseconds for Redis to answer; one that does not is told by the services. */
const ANSWER = 2_000;

/**
 * Watches that nothing stands still in silence: when records wait, or were confirmed by RabbitMQ and lost, and none has been settled for
 * 30 s, at least one service has to say why, by not being ready.
 */
export class StandstillWatch {
  readonly #stage: Stage;
  readonly #stop = new AbortController();
  readonly #found: string[] = [];
  readonly #watching: Promise<void>;
  #settled = 0;
  #since = performance.now();

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#watching = this.#watch();
  }

  /** @returns what stood still, in words */
  async end(): Promise<readonly string[]> {
    this.#stop.abort();
    await this.#watching;
    return this.#found;
  }

  async #watch(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await systemClock.sleep(EVERY, this.#stop.signal);
      const isExcused = await this.#isExcused();
      if (isExcused) this.#since = performance.now();
      if (performance.now() - this.#since < PATIENCE) continue;
      const at = new Date().toISOString().slice(11, 19);
      this.#found.push(`records waited for ${PATIENCE / 1_000} s until ${at}, and each service said that it is ready`);
      this.#since = performance.now();
    }
  }

  /** Whether nothing waits, something was done, or someone said why not. */
  async #isExcused(): Promise<boolean> {
    const { rabbitmq, pipeline, producers, consumers } = this.#stage;
    const said = await Promise.all([...producers, ...consumers].map(isReady));
    if (said.includes(false)) return true;
    const settled = (await Promise.all(consumers.map(settledBy))).reduce((sum, count) => sum + count, 0);
    const isWorking = settled !== this.#settled;
    this.#settled = settled;
    if (isWorking) return true;
    const held = await Promise.all(consumers.map(heldBy));
    const waiting = await queueDepths(rabbitmq.url, pipeline.config).then(
      (depths) => depths.waiting,
      // Nobody can know what waits in a broker that does not answer; the services must say that it does not.
      () => 1,
    );
    if (waiting + held.reduce((sum, count) => sum + count, 0) > 0) return false;
    const left = await interruptible(astray(this.#stage), AbortSignal.timeout(ANSWER)).catch(() => []);
    return left.length === 0;
  }
}

const isReady = (worker: Worker): Promise<boolean> =>
  worker.get('/readyz').then(
    () => true,
    () => false,
  );

const sumOf = (worker: Worker, metric: string): Promise<number> =>
  worker.metric(metric).then(
    (values) => [...values.values()].reduce((sum, value) => sum + value, 0),
    () => 0,
  );

const settledBy = (consumer: Worker): Promise<number> => sumOf(consumer, 'tributary_records_total');
const heldBy = (consumer: Worker): Promise<number> => sumOf(consumer, 'tributary_unsettled_deliveries');
