import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { datasetsOf, describeError, topologyOf } from '@tributary/shared';
import type { Channel } from 'amqplib';
import { Client, escapeIdentifier } from 'pg';
import type { Fault } from '../plan.js';
import { QUEUES_NOTED, queueDepths, withChannel } from '../queues.js';
import { until } from '../until.js';
import { type Act, type Scene, seconds } from './act.js';

/** An operator empties a queue. */
export const purgeQueue: Act = (fault, scene) =>
  onQueue(fault, scene, async (channel, queue) => {
    const { messageCount } = await channel.purgeQueue(queue);
    return `purge ${queue}: ${messageCount} messages are gone`;
  });

/** An operator deletes a queue, with what it holds. */
export const deleteQueue: Act = (fault, scene) =>
  onQueue(fault, scene, async (channel, queue) => {
    const { messageCount } = await channel.deleteQueue(queue);
    await untilQueuesAreNoted(scene);
    return `delete ${queue} with ${messageCount} messages`;
  });

/** Milliseconds for the services to notice that a queue is gone, and to declare it again. */
const DECLARED_AGAIN = 30_000;

/**
 * Resolves when the queues are declared again, and RabbitMQ has noted their names. A kill before that loses a quorum queue
 * for good (see rabbitmq.ts): that is a fault of RabbitMQ before 4, which no client can mend. To be called in a turn of RabbitMQ.
 */
export async function untilQueuesAreNoted({ stage, signal, sleep }: Scene): Promise<void> {
  const { rabbitmq, pipeline } = stage;
  const areThere = () => queueDepths(rabbitmq.url, pipeline.config).then(() => undefined);
  await until('the queues are declared again', areThere, { timeout: DECLARED_AGAIN, signal, every: 500 });
  await sleep(QUEUES_NOTED);
}

/**
 * By a policy, `*.dead` takes only so many letters. RabbitMQ drops the oldest of what is more where neither policy nor queue says otherwise.
 * No letter may be lost: the queue's own argument says that it refuses. (A policy that itself says `drop-head` is stronger than that.)
 */
export const limitDeadLetters: Act = (fault, scene) =>
  scene.inTurn(scene.stage.rabbitmq, async () => {
    const { rabbitmq } = scene.stage;
    const overflow = fault.otherWay ? { overflow: 'reject-publish' } : {};
    const definition = JSON.stringify({ 'max-length': 1, ...overflow });
    await rabbitmq.ctl('set_policy', '--apply-to', 'queues', 'chaos', '\\.dead$', definition);
    scene.count(
      fault,
      `a policy lets *.dead hold one letter${fault.otherWay ? ' and refuses more' : ''} for ${seconds(fault.length)}`,
    );
    await scene.sleep(fault.length);
    await rabbitmq.ctl('clear_policy', 'chaos');
  });

/**
 * An operator empties a table, or removes the parts of a dataset. A merged table goes with its history and tombstones: its rows told of records
 * that had not landed themselves, and without them a merge may make once more what only the history still knows, or leave it there for good.
 */
export const removeRows: Act = async (fault, scene) => {
  const { pipeline, postgres } = scene.stage;
  const { name, entity } = chosen(datasetsOf(pipeline.config), fault.victim);
  if (postgres !== undefined) {
    const tables = entity === undefined ? [name, `${name}_history`, `${name}_tombstones`] : [name];
    return inPostgres(scene, async (client, schema) => {
      await client.query(`TRUNCATE ${tables.map((table) => `${schema}.${escapeIdentifier(table)}`).join(', ')}`);
      scene.count(fault, `TRUNCATE ${tables.join(', ')}`);
    });
  }
  return scene.inTurn(pipeline, async () => {
    const folder = join(pipeline.config.sink.csv.directory, name);
    if (!existsSync(folder)) return;
    const parts = readdirSync(folder).filter((file) => file.startsWith('part-'));
    for (const part of parts) rmSync(join(folder, part), { recursive: true, force: true });
    scene.count(fault, `remove the ${parts.length} parts of ${name}`);
  });
};

/** An operator's long transaction holds a table. */
export const lockTable: Act = (fault, scene) =>
  inPostgres(scene, async (client, schema) => {
    const { name } = chosen(datasetsOf(scene.stage.pipeline.config), fault.victim);
    await client.query('BEGIN');
    await client.query(`LOCK TABLE ${schema}.${escapeIdentifier(name)} IN ACCESS EXCLUSIVE MODE`);
    scene.count(fault, `LOCK TABLE ${name} for ${seconds(fault.length)}`);
    await scene.sleep(fault.length);
    await client.query('ROLLBACK');
  });

async function inPostgres(scene: Scene, act: (client: Client, schema: string) => Promise<void>): Promise<void> {
  const { postgres, pipeline } = scene.stage;
  if (postgres === undefined) return;
  await scene.inTurn(postgres, async () => {
    const client = new Client({ connectionString: postgres.url });
    client.on('error', () => {});
    await client.connect();
    try {
      await act(client, escapeIdentifier(pipeline.config.sink.postgres.schema));
    } finally {
      await client.end();
    }
  });
}

function onQueue(fault: Fault, scene: Scene, act: (channel: Channel, queue: string) => Promise<string>): Promise<void> {
  const { rabbitmq, pipeline, world } = scene.stage;
  const { queue } = chosen(topologyOf(pipeline.config).queues, fault.victim);
  return scene.inTurn(rabbitmq, async () => {
    try {
      world.foreign.someMayBeGone();
      scene.count(fault, await withChannel(rabbitmq.url, (channel) => act(channel, queue)));
    } catch (error) {
      const reason = describeError(error);
      // Its process has died in RabbitMQ (see reviveQueues in settle.ts): an operator cannot do it either.
      if (/541/.test(reason)) scene.note(`${queue} is dead in RabbitMQ, so "${fault.kind}" is left out: ${reason}`);
      // The services have not declared it again yet.
      else if (!/NOT_FOUND/.test(reason)) throw error;
    }
  });
}

function chosen<T>(from: readonly T[], victim: number): T {
  const one = from[Math.floor(victim * from.length)];
  if (one === undefined) throw new Error('nothing to choose from');
  return one;
}
