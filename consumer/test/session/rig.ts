import { once } from 'node:events';
import {
  type Clock,
  compileEntity,
  connectBroker,
  type PipelineConfig,
  publishOptions,
  type RecoveringChannelModel,
  redisSeenAgain,
  type SettledNotes,
  systemClock,
  topologyOf,
} from '@tributary/shared';
import { AmqpServer } from 'amqp-emulator';
import { type Channel, connect, type GetMessage } from 'amqplib';
import { onTestFinished } from 'vitest';
import { RedisBuried } from '../../src/dead-letters/redis-buried.js';
import { RedisStrikes } from '../../src/intake/redis-strikes.js';
import { createMergeRows } from '../../src/merge/rows.js';
import { DeadRecords } from '../../src/metrics/dead-records.js';
import { RedisLedgerStore } from '../../src/recovery/store.js';
import type { Broker } from '../../src/session/broker.js';
import type { SessionEnd } from '../../src/session/ending.js';
import type { RunningSession } from '../../src/session/options.js';
import { runSession } from '../../src/session.js';
import { removePipeline, uniquePipeline } from '../ledger/harness.js';
import type { RedisStandIn } from '../ledger/stand-in.js';
import { PlainSink } from '../support/plain-sink.js';
import { CRM, type Fields, log, newMetrics } from '../support/records.js';

export interface SessionChanges {
  /** Stops the session; each session has a controller of its own unless it is given one. */
  readonly stop?: AbortController;
  readonly overdue?: AbortController;
  readonly clock?: Clock;
  readonly batch?: PipelineConfig['batch'];
  /** Notes what is settled; nothing is noted unless given. */
  readonly note?: SettledNotes['note'];
}

/** A session that was begun, and how it ends. */
export interface BegunSession {
  readonly end: Promise<SessionEnd>;
  readonly running: RunningSession;
  /** The session's own channels; the dead letters' is the first. */
  readonly channels: readonly Channel[];
  readonly problems: (string | undefined)[];
  stop(): void;
  /** The time to stop in good order is over. */
  abandon(): void;
}

/** A broker of the test's own in this process, a Redis beside it, and sessions as service.ts runs them. */
export async function startRig({ redis }: RedisStandIn) {
  const server = new AmqpServer({ heartbeat: 0 });
  const { url } = await server.listen();
  const pipeline = uniquePipeline();
  const sink = new PlainSink();
  const connection = await connect(url);
  connection.on('error', () => {});
  const channel = await connection.createConfirmChannel();
  const broker = await connectBroker({ urls: url, connectionName: 'test', log });
  onTestFinished(async () => {
    await broker.close();
    await connection.close().catch(() => {});
    await server.close();
    await removePipeline(redis, pipeline);
  });
  let messages = 0;
  let sessions = 0;

  async function begin(changes: SessionChanges = {}): Promise<BegunSession> {
    const { clock = systemClock, batch, stop = new AbortController(), overdue = new AbortController() } = changes;
    const { note = async () => {} } = changes;
    const config = { ...CRM, name: pipeline, batch: batch ?? { size: 10, interval: 50 } };
    const channels: Channel[] = [];
    const problems: (string | undefined)[] = [];
    return new Promise((resolve, reject) => {
      const end = runSession({
        config,
        entities: Object.entries(config.entities).map(([name, entity]) => compileEntity(name, entity)),
        merges: createMergeRows(config),
        topology: topologyOf(config),
        broker: noting(broker, channels),
        deadLetterBroker: noting(broker, channels),
        ledgers: new RedisLedgerStore({ redis, config, sink, clock, log }),
        buried: new RedisBuried(redis, config.name),
        kept: { keep: () => Promise.reject(new Error('every body fits')) },
        seenAgain: redisSeenAgain(redis, config.name),
        settledNotes: { note, leave: async () => {} },
        strikes: new RedisStrikes(redis, config.name),
        sink,
        instance: 'test',
        writer: `writer-${++sessions}`,
        prefetch: 250,
        clock,
        log,
        metrics: newMetrics(),
        dead: new DeadRecords(),
        onSinkProblem: (problem) => problems.push(problem),
        onLetterProblem: (_queue, problem) => problems.push(problem),
        onLater: (_queue, problem) => problems.push(problem),
        onSlow: () => {},
        onRunning: (running) => {
          resolve({
            end,
            running,
            channels,
            problems,
            stop: () => stop.abort(),
            abandon: () => overdue.abort(),
          });
        },
        stop: stop.signal,
        overdue: overdue.signal,
      });
      onTestFinished(async () => {
        stop.abort();
        overdue.abort();
        await end.catch(() => {});
      });
      end.catch(reject);
    });
  }

  return {
    server,
    sink,
    redis,
    pipeline,
    channel,
    broker,
    begin,
    /** Publishes a record as the producer does; confirmed when this resolves. */
    async publish(entity: string, body: Fields | string, headers: Fields = {}, messageId = nextId()): Promise<string> {
      const envelope = { messageId, endpoint: 'crm', entity, key: undefined, version: '', run: 1 };
      const options = publishOptions({ ...envelope, fetchedAt: new Date().toISOString(), traceparent: '' });
      const content = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
      channel.publish(pipeline, entity, content, { ...options, headers: { ...options.headers, ...headers } });
      await channel.waitForConfirms();
      return messageId;
    },
    /** The messages on a queue, and how many of them a consumer holds. */
    queue(name: string): { messages: number; unacknowledged: number } {
      const found = server.getStats().queues.find((queue) => queue.name === name);
      return { messages: found?.messageCount ?? 0, unacknowledged: found?.unackedCount ?? 0 };
    },
    /** The number of channels that are open at the broker, with the test's own. */
    channels(): number {
      const counts = [...server.connections].map((one) => ('channels' in one ? one.channels.size : 0));
      return counts.reduce((sum, count) => sum + count, 0);
    },
    async take(queue: string): Promise<GetMessage> {
      const message = await channel.get(queue);
      if (message === false) throw new Error(`nothing on ${queue}`);
      channel.ack(message);
      return message;
    },
    /** The broker closes every connection; the connections of the sessions recover. */
    async disconnect(): Promise<void> {
      const lost = once(broker, 'disconnect');
      server.disconnect();
      await lost;
    },
  };

  function nextId(): string {
    return `m${String(++messages).padStart(4, '0')}`;
  }
}

export type Rig = Awaited<ReturnType<typeof startRig>>;

/** The broker, with a list of the channels that are opened on it. */
function noting(broker: RecoveringChannelModel, channels: Channel[]): Broker {
  return {
    async createConfirmChannel() {
      const channel = await broker.createConfirmChannel();
      channels.push(channel);
      return channel;
    },
  };
}
