import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault } from '../plan.js';
import { copyFolder } from '../world/copies.js';
import { PostgresPair } from '../world/postgres-pair.js';
import { type Act, type Scene, seconds } from './act.js';
import { untilQueuesAreNoted } from './operators.js';

/**
 * The sink is put back to what it was some seconds ago: a backup is restored, a snapshot is rolled back, or a standby that
 * lacks the last writes is promoted. The consumers run all the while, or are killed before.
 */
export const putSinkBack: Act = (fault, scene) =>
  scene.stage.postgres === undefined ? putFolderBack(fault, scene) : putPostgresBack(fault, scene);

async function putFolderBack(fault: Fault, scene: Scene): Promise<void> {
  const { pipeline, folder, world } = scene.stage;
  const output = pipeline.config.sink.csv.directory;
  const copy = join(folder, 'snapshot');
  await scene.inTurn(pipeline, async () => {
    if (!existsSync(output)) return;
    whilePaused(scene, () => {
      rmSync(copy, { recursive: true, force: true });
      cpSync(output, copy, { recursive: true, preserveTimestamps: true });
    });
    await scene.sleep(fault.length);
    // Not while the disk is full: the copy would not fit.
    const back = () =>
      scene.inTurn(world.disk ?? {}, async () =>
        whilePaused(scene, () => {
          // The folder itself may be a mount, so it stays.
          empty(output);
          cpSync(copy, output, { recursive: true, preserveTimestamps: true });
        }),
      );
    scene.count(fault, `the output is put back by ${seconds(fault.length)}, ${await doBack(fault, scene, back)}`);
  });
}

async function putPostgresBack(fault: Fault, scene: Scene): Promise<void> {
  const { postgres, folder } = scene.stage;
  if (postgres === undefined) return;
  const data = join(postgres.folder, 'data');
  const copy = join(folder, 'snapshot');
  await scene.inTurn(postgres, async () => {
    // A server of which every process is stopped is one moment, as a snapshot of its disk would be.
    postgres.pause();
    await copyFolder(data, copy).finally(() => postgres.resume());
    await scene.sleep(fault.length);
    const back = async () => {
      await postgres.down();
      await copyFolder(copy, data);
      await postgres.up();
      if (postgres instanceof PostgresPair) await postgres.followAnew();
    };
    scene.count(fault, `Postgres is put back by ${seconds(fault.length)}, ${await doBack(fault, scene, back)}`);
  });
}

/** @returns how it was done, in words */
async function doBack(fault: Fault, { stage, signal }: Scene, back: () => Promise<void>): Promise<string> {
  if (!fault.otherWay) {
    await back();
    return 'under the running consumers';
  }
  await Promise.all(stage.consumers.map((consumer) => consumer.kill()));
  await back();
  if (!signal.aborted) for (const consumer of stage.consumers) consumer.start();
  return 'while the consumers were dead';
}

/** A snapshot of a disk is one moment: nobody writes meanwhile. */
function whilePaused({ stage }: Scene, work: () => void): void {
  const running = stage.consumers.filter(({ runs, isPaused }) => runs && !isPaused);
  for (const consumer of running) consumer.pause();
  try {
    work();
  } finally {
    for (const consumer of running) consumer.resume();
  }
}

/** RabbitMQ comes back without anything that it held: its disk is lost, or it was installed anew. */
export const emptyBroker: Act = (fault, scene) =>
  scene.inTurn(scene.stage.rabbitmq, async () => {
    const { rabbitmq, world } = scene.stage;
    await rabbitmq.down();
    const data = join(rabbitmq.folder, 'data');
    empty(data);
    mkdirSync(data, { recursive: true });
    await scene.sleep(fault.length);
    world.foreign.someMayBeGone();
    await rabbitmq.up();
    scene.count(fault, `RabbitMQ loses its disk, is down for ${seconds(fault.length)}, and comes back empty`);
    await untilQueuesAreNoted(scene);
  });

function empty(folder: string): void {
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true, force: true });
}
