import {
  type Clock,
  connectRedis,
  createRegistry,
  DEFAULT_SHUTDOWN_DEADLINE,
  healthApp,
  type Logger,
  listen,
  type PipelineConfig,
  type Registry,
  ReleaseList,
  RetryableError,
  redactUrl,
  type Service,
  systemClock,
  topologyOf,
} from '@tributary/shared';
import { Agent } from 'undici';
import { openPublisher } from './broker.js';
import { type CursorStore, redisCursorStore } from './cursor.js';
import { compileEndpoints, type Endpoint } from './endpoint.js';
import { systemIds } from './ids.js';
import { createPollMetrics, type PollMetrics, registerPublishMetrics } from './metrics.js';
import { type PollSteps, poll } from './poll.js';
import type { PollSummary } from './progress.js';
import type { Publisher } from './publish.js';
import { Runner } from './runner.js';
import { type Schedule, startSchedule } from './schedule.js';
import { RestSource } from './sources/rest.js';

export interface ProducerOptions {
  readonly config: PipelineConfig;
  readonly amqpUrl: string;
  readonly redisUrl: string;
  /** Names this producer among its like. */
  readonly instance: string;
  /** Of its HTTP server, with /healthz, /readyz and /metrics; 0 for any free one. */
  readonly port: number;
  readonly host: string;
  readonly log: Logger;
  readonly clock?: Clock;
  /** False: nothing is polled until `pollOnce` is called. */
  readonly schedule: boolean;
  /** Where cursors are kept, if not in Redis; then no Redis is connected to. */
  readonly cursors?: CursorStore | undefined;
}

export interface Producer extends Service {
  /** Of its HTTP server, once it is started. */
  readonly url: string;
  readonly registry: Registry;
  /** Polls every enabled endpoint once, all at the same time. Never rejects: a poll that failed says so. */
  pollOnce(): Promise<PollSummary[]>;
}

/**
 * Polls the endpoints of a pipeline and publishes what they hold. It starts whether or not broker, Redis and APIs are
 * there, and waits for them; `/readyz` says what it waits for.
 */
export function createProducer(options: ProducerOptions): Producer {
  return new ProducerService(options);
}

class ProducerService implements Producer {
  readonly registry = createRegistry('producer');
  readonly #options: ProducerOptions;
  readonly #clock: Clock;
  readonly #releases = new ReleaseList();
  readonly #stopping = new AbortController();
  readonly #runners: Runner[] = [];
  readonly #schedules: Schedule[] = [];
  #publisher: Publisher | undefined;
  #url = '';
  #started: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: ProducerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  get url(): string {
    return this.#url;
  }

  start(): Promise<void> {
    this.#started ??= this.#start().catch(async (error: unknown) => {
      await this.#releases.release();
      throw error;
    });
    return this.#started;
  }

  async pollOnce(): Promise<PollSummary[]> {
    await this.#started;
    return await Promise.all(this.#runners.map((runner) => runner.run()));
  }

  stop(deadline = DEFAULT_SHUTDOWN_DEADLINE): Promise<void> {
    this.#stopped ??= this.#stop(deadline);
    return this.#stopped;
  }

  async #start(): Promise<void> {
    if (this.#stopped !== undefined) throw new Error('the producer was stopped; make another');
    const { config, amqpUrl, instance, port, host, log } = this.#options;
    const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 });
    this.#releases.add('HTTP connections', () => dispatcher.destroy());
    const kept = this.#openCursors();
    const broker = { amqpUrl, instance, topology: topologyOf(config), clock: this.#clock, log };
    const { publisher, problem } = await openPublisher(broker, this.#releases);
    this.#publisher = publisher;

    const { registry } = this;
    registerPublishMetrics(registry, () => publisher.stats);
    const metrics = createPollMetrics(registry);
    const problems = () => [problem(), kept.problem()].filter((text) => text !== undefined);
    const http = await listen(healthApp(registry, problems), port, host);
    this.#releases.add('the HTTP server', () => http.close());
    this.#url = http.url;

    const steps = { publisher, cursors: kept.cursors, clock: this.#clock, ids: systemIds };
    for (const endpoint of compileEndpoints(config)) {
      const onRetry = (code: string, reason: string) => {
        metrics.retries.inc({ endpoint: endpoint.id, code });
        log.debug({ endpoint: endpoint.id, reason }, 'trying again');
      };
      const onDoubt = (reason: string) => log.warn({ endpoint: endpoint.id, reason }, 'the polling may be set wrongly');
      const source = new RestSource(endpoint, { dispatcher, clock: this.#clock, onRetry, onDoubt });
      this.#addRunner(endpoint, { ...steps, source }, metrics);
    }
    log.info({ endpoints: this.#runners.length, url: http.url }, 'the producer runs');
  }

  #addRunner(endpoint: Endpoint, steps: PollSteps, metrics: PollMetrics): void {
    const { log, schedule } = this.#options;
    const { signal } = this.#stopping;
    let scheduled: Schedule | undefined;
    const runner = new Runner({
      endpoint,
      metrics,
      clock: this.#clock,
      log,
      signal,
      poll: (progress) => poll(endpoint, steps, progress, signal),
      nextAt: () => scheduled?.nextAt(),
    });
    this.#runners.push(runner);
    if (!schedule || this.#stopped !== undefined) return;
    const tick = async () => (await runner.tick()).error === undefined;
    scheduled = startSchedule(endpoint.config.schedule, { clock: this.#clock, log, tick });
    this.#schedules.push(scheduled);
  }

  #openCursors(): { cursors: CursorStore; problem(): string | undefined } {
    const { config, cursors, redisUrl, instance, log } = this.#options;
    if (cursors !== undefined) return { cursors, problem: () => undefined };
    const redis = connectRedis({ url: redisUrl, connectionName: `producer ${instance}`, log });
    this.#releases.add('the Redis connection', () => redis.disconnect());
    return {
      cursors: redisCursorStore(redis, config.name),
      problem: () => (redis.status === 'ready' ? undefined : `Redis is not connected (${redactUrl(redisUrl)})`),
    };
  }

  async #stop(deadline: number): Promise<void> {
    await this.#started?.catch(() => {});
    for (const schedule of this.#schedules) schedule.stop();
    // Requests are aborted, but what was fetched is confirmed if there is time: else it would be fetched again.
    this.#stopping.abort(new RetryableError('stopping', 'the producer is stopping'));
    const ended = Promise.all(this.#runners.map((runner) => runner.current)).then(() => this.#publisher?.drained());
    const late = new AbortController();
    await Promise.race([ended, this.#clock.sleep(deadline, late.signal)]);
    late.abort();
    await this.#releases.release();
    await ended;
  }
}
