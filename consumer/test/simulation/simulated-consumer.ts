import { createLogger, Registry, topologyOf } from '@tributary/shared';
import { DeadRecords } from '../../src/metrics/dead-records.js';
import { ConsumerMetrics } from '../../src/metrics/metrics.js';
import { RedisLedgerStore } from '../../src/recovery/store.js';
import { runSession } from '../../src/session.js';
import type { Sink } from '../../src/sinks/port.js';
import type { MemoryBroker } from './memory-broker.js';
import type { Link, MemoryRedis } from './memory-redis.js';
import { createMemorySink, type MemoryDisk } from './memory-sink.js';
import type { Pipeline } from './pipelines.js';
import { type Host, Wire, type World } from './world.js';

const log = createLogger({ service: 'consumer', instance: 'simulation', level: 'silent' });
const metrics = new ConsumerMetrics(new Registry(), () => []);

export interface Surroundings {
  readonly world: World;
  readonly broker: MemoryBroker;
  readonly redis: MemoryRedis;
  readonly disk: MemoryDisk;
  /** The configuration that a process has which starts now. */
  readonly pipelineNow: () => Pipeline;
  /** A mutation test breaks the sink here. */
  readonly alterSink: (sink: Sink) => Sink;
}

/** A consumer that is started again whenever it ends, as an orchestrator does. Each start is a process of its own. */
export class SimulatedConsumer {
  host: Host;
  /** The next command that it sends to Redis is done twice: the answer was lost, and the client asked again. */
  repeating = false;
  /** Whether it has begun to consume at least once. */
  isRunning = false;
  /** What the present session has not settled; 1 while no session runs, because it is not known then. */
  unsettled: () => number = () => 1;
  /** The configuration of the present process. */
  pipeline: Pipeline;
  readonly #name: string;
  readonly #surroundings: Surroundings;
  #stop = new AbortController();
  #starts = 0;

  constructor(name: string, surroundings: Surroundings) {
    this.#name = name;
    this.#surroundings = surroundings;
    this.pipeline = surroundings.pipelineNow();
    this.host = this.#start();
  }

  kill(): void {
    const { world, broker } = this.#surroundings;
    world.kill(this.host);
    broker.disconnect(this.host);
    this.host = this.#start();
  }

  /** As SIGTERM does: it ends in good order, and is started again. */
  stop(): void {
    this.#stop.abort();
  }

  #start(): Host {
    const host: Host = { name: `${this.#name}${++this.#starts}`, alive: true, stalledUntil: 0 };
    this.#stop = new AbortController();
    this.unsettled = () => 1;
    this.pipeline = this.#surroundings.pipelineNow();
    void this.#live(host, this.#stop.signal);
    return host;
  }

  /** One session after another, as session/sessions.ts runs them. */
  async #live(host: Host, stop: AbortSignal): Promise<void> {
    const { world, broker, redis, disk, alterSink } = this.#surroundings;
    const { config, entities, merges, datasets } = this.pipeline;
    const clock = world.clockOf(host);
    const connection = broker.connection(host);
    const client = redis.client(this.#link(host));
    const sink = alterSink(createMemorySink(world, host, disk, datasets));
    const ledgers = new RedisLedgerStore({ redis: client, config, sink, clock, log });
    for (let session = 1; !stop.aborted; session++) {
      await world.park(host, 'begin a session');
      await runSession({
        config,
        entities,
        merges,
        topology: topologyOf(config),
        broker: connection,
        deadLetterBroker: connection,
        ledgers,
        buried: { has: async () => false, add: async () => {}, forget: async () => {}, allGone: async () => {} },
        kept: { keep: () => Promise.reject(new Error('there are no dead letters')) },
        // Notes for people, which nothing waits for: they are no step of a schedule.
        seenAgain: { note: () => {} },
        settledNotes: { note: async () => {}, leave: async () => {} },
        strikes: { of: async (_queue, records) => records.map(() => 0), add: async () => {}, forget: async () => {} },
        sink,
        instance: host.name,
        writer: `${host.name}.${session}`,
        prefetch: 4,
        clock,
        log,
        metrics,
        dead: new DeadRecords(),
        onSinkProblem: () => {},
        onLetterProblem: () => {},
        onLater: () => {},
        onSlow: () => {},
        onRunning: (running) => {
          this.isRunning = true;
          if (host === this.host) this.unsettled = () => running.unsettled();
        },
        stop,
        overdue: new AbortController().signal,
      }).catch((error: unknown) => world.note(`the session of ${host.name} failed: ${String(error)}`));
      if (host === this.host) this.unsettled = () => 1;
      await clock.sleep(500, stop);
    }
    if (host.alive) this.kill();
  }

  #link(host: Host): Link {
    const { world } = this.#surroundings;
    const up = new Wire(world, host);
    const down = new Wire(world, host);
    return (what, effect) => {
      const done = up.send(what, () => {
        if (this.repeating) effect();
        this.repeating = false;
        return effect();
      });
      const answer = `answer to ${what}`;
      return done.then(
        (value) => down.send(answer, () => value),
        (error: unknown) => down.send(answer, () => {}).then(() => Promise.reject(error)),
      );
    };
  }
}
