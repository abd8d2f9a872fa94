import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { PrivateService } from '../../../services/handle.js';
import { atMoment } from '../moments.js';
import type { Fault } from '../plan.js';
import { withRedis } from '../redis.js';
import type { Worker } from '../worker.js';
import { type Act, type Scene, seconds } from './act.js';

/** So long without a broker, and a producer holds records of a poll that it cannot publish: they must not die with it. */
const PRODUCER_FULL = 1_300;

const WHEN = { any: '', write: ' as it writes', ledger: ' as it speaks to Redis' } as const;

export const killProducer: Act = (fault, scene) => kill(fault, scene, scene.stage.producers);

export const killConsumer: Act = (fault, scene) => kill(fault, scene, scene.stage.consumers);

async function kill(fault: Fault, scene: Scene, workers: readonly Worker[]): Promise<void> {
  const worker = choose(workers, fault.victim);
  // All of them are down or paused: that is chaos enough.
  if (worker === undefined) return;
  await hit(fault, scene, worker, () => void worker.kill());
  scene.count(fault, `kill -9 ${worker.name}${WHEN[fault.moment]}, down for ${seconds(fault.length)}`);
  await worker.kill();
  await scene.sleep(fault.length);
  if (!scene.signal.aborted) worker.start();
}

export const pauseConsumer: Act = async (fault, scene) => {
  const worker = choose(scene.stage.consumers, fault.victim);
  if (worker === undefined) return;
  await hit(fault, scene, worker, () => worker.pause());
  scene.count(fault, `SIGSTOP ${worker.name}${WHEN[fault.moment]} for ${seconds(fault.length)}`);
  await scene.sleep(fault.length);
  worker.resume();
  scene.note(`         SIGCONT ${worker.name}`);
};

export const restartRabbitMQ: Act = (fault, scene) =>
  scene.inTurn(scene.stage.rabbitmq, async () => {
    const { rabbitmq, producers } = scene.stage;
    if (fault.otherWay) {
      await rabbitmq.restart();
      return scene.count(fault, 'restart RabbitMQ in good order');
    }
    await rabbitmq.down();
    scene.count(fault, `kill -9 RabbitMQ, down for ${seconds(fault.length)}`);
    await scene.sleep(fault.length);
    if (fault.length > PRODUCER_FULL) await kill({ ...fault, kind: 'producer', length: 0 }, scene, producers);
    await rabbitmq.up();
    scene.note('         RabbitMQ is up');
  });

export const flushRedis: Act = (fault, scene) =>
  scene.inTurn(scene.stage.redis, async () => {
    await scene.stage.redis.flush();
    scene.count(fault, 'FLUSHALL');
  });

/** It comes back empty, or from a snapshot that lacks what was committed since. */
export const restartRedis: Act = (fault, scene) =>
  scene.inTurn(scene.stage.redis, async () => {
    const { redis } = scene.stage;
    const snapshot = await withRedis(redis.url, async (client) => {
      if (fault.otherWay) await client.save();
      const [, folder = ''] = (await client.config('GET', 'dir')) as string[];
      return join(folder, 'dump.rdb');
    });
    if (fault.otherWay) await scene.sleep(fault.length + 500);
    const comesBack = fault.otherWay ? 'from its old snapshot' : 'empty';
    await redis.down();
    scene.count(fault, `kill -9 Redis, down for ${seconds(fault.length)}; it comes back ${comesBack}`);
    if (!fault.otherWay) rmSync(snapshot, { force: true });
    await scene.sleep(fault.length);
    await redis.up();
  });

export const cutPostgresOff: Act = (fault, scene) => takeDown(fault, scene, 'Postgres', scene.stage.postgres);

/** The server from which the producers read. */
export const takeSourceDown: Act = (fault, scene) => takeDown(fault, scene, 'the source', scene.stage.mirror.server);

async function takeDown(fault: Fault, scene: Scene, name: string, server: PrivateService | undefined): Promise<void> {
  if (server === undefined) return;
  await scene.inTurn(server, async () => {
    if (fault.otherWay) {
      server.pause();
      scene.count(fault, `SIGSTOP ${name} for ${seconds(fault.length)}`);
      await scene.sleep(fault.length);
      server.resume();
      return;
    }
    await server.down();
    scene.count(fault, `kill -9 ${name}, down for ${seconds(fault.length)}`);
    await scene.sleep(fault.length);
    await server.up();
  });
}

const hit = ({ moment, after }: Fault, { stage, signal }: Scene, worker: Worker, blow: () => void): Promise<void> =>
  atMoment(moment, { stage, worker, after, signal }, blow);

/** The chosen one, or the next that runs. */
export function choose(workers: readonly Worker[], victim: number): Worker | undefined {
  const from = Math.floor(victim * workers.length);
  return [...workers.slice(from), ...workers.slice(0, from)].find(({ runs, isPaused }) => runs && !isPaused);
}
