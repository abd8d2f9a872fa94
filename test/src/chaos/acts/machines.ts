import type { Fault } from '../plan.js';
import { type Act, seconds } from './act.js';
import { choose } from './kills.js';

/** The server's machine hangs: connections stay open, and nobody answers. */
export const silenceRedis: Act = (fault, scene) =>
  scene.inTurn(scene.stage.redis, async () => {
    const { redis } = scene.stage;
    redis.pause();
    scene.count(fault, `SIGSTOP Redis for ${seconds(fault.length)}`);
    await scene.sleep(fault.length);
    redis.resume();
  });

export const silenceRabbitMQ: Act = (fault, scene) =>
  scene.inTurn(scene.stage.rabbitmq, async () => {
    const { rabbitmq } = scene.stage;
    rabbitmq.pause();
    scene.count(fault, `SIGSTOP RabbitMQ for ${seconds(fault.length)}`);
    await scene.sleep(fault.length);
    rabbitmq.resume();
  });

/** RabbitMQ is short of memory: it takes nothing from anybody, and goes on delivering. */
export const raiseAlarm: Act = (fault, scene) =>
  scene.inTurn(scene.stage.rabbitmq, async () => {
    const { rabbitmq } = scene.stage;
    await rabbitmq.ctl('set_vm_memory_high_watermark', '0.00001');
    scene.count(fault, `RabbitMQ's memory alarm for ${seconds(fault.length)}`);
    await scene.sleep(fault.length);
    await rabbitmq.ctl('set_vm_memory_high_watermark', '0.8');
  });

/** The disk of the output is full. */
export const fillDisk: Act = async (fault, scene) => {
  const { disk } = scene.stage.world;
  if (disk === undefined) return;
  return scene.inTurn(disk, async () => {
    disk.fill();
    scene.count(fault, `the output's disk is full for ${seconds(fault.length)}`);
    await scene.sleep(fault.length);
    disk.free();
  });
};

const jumpOf = ({ degree, otherWay }: Fault): { readonly words: string; readonly seconds: number } => {
  const hours = 1 + Math.floor(degree * 20);
  return { words: `${hours} h ${otherWay ? 'back' : 'ahead'}`, seconds: (otherWay ? -hours : hours) * 3_600 };
};

/** The clock of one process jumps, back (as after a bad time server) or ahead, and some seconds later it is right again. */
export const moveClock: Act = async (fault, scene) => {
  const { producers, consumers } = scene.stage;
  const worker = choose([...producers, ...consumers], fault.victim);
  const clock = worker?.clock;
  if (worker === undefined || clock === undefined) return;
  const jump = jumpOf(fault);
  await scene.inTurn(clock, async () => {
    clock.moveBy(jump.seconds);
    scene.count(fault, `the clock of ${worker.name} jumps ${jump.words} for ${seconds(fault.length)}`);
    await scene.sleep(fault.length);
    clock.moveBy(0);
  });
};

/** The same happens to the machine of Redis: leases and locks are counted by its clock. */
export const moveRedisClock: Act = async (fault, scene) => {
  const clock = scene.stage.world.redisClock;
  if (clock === undefined) return;
  const jump = jumpOf(fault);
  await scene.inTurn(clock, async () => {
    clock.moveBy(jump.seconds);
    scene.count(fault, `the clock of Redis jumps ${jump.words} for ${seconds(fault.length)}`);
    await scene.sleep(fault.length);
    clock.moveBy(0);
  });
};
