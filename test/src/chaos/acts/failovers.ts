import { PostgresPair } from '../world/postgres-pair.js';
import { WatchedRedis } from '../world/watched-redis.js';
import { type Act, seconds } from './act.js';

/**
 * The master of Redis is replaced by its replica, which lacks what was written last. Either it dies; or it hangs, and when it wakes it still
 * takes itself for the master, until the Sentinel finds it: whoever is connected to it goes on writing there.
 */
export const failRedisOver: Act = (fault, scene) =>
  scene.inTurn(scene.stage.redis, async () => {
    const { redis } = scene.stage;
    if (!(redis instanceof WatchedRedis)) return;
    const before = redis.url;
    const length = seconds(fault.length);
    let isOver: boolean;
    if (fault.otherWay) {
      redis.pause();
      scene.count(fault, `SIGSTOP the master of Redis until its replica has taken over, and ${length} longer`);
      isOver = await redis.failedOver(before, scene.signal);
      await scene.sleep(fault.length);
      redis.resume();
    } else {
      await redis.cutReplication();
      await scene.sleep(fault.length);
      await redis.down();
      scene.count(fault, `kill -9 the master of Redis; its replica takes over, and lacks the last ${length}`);
      isOver = await redis.failedOver(before, scene.signal);
      await redis.up();
    }
    scene.note(isOver ? '         another Redis is the master' : '         the Sentinel has promoted no replica');
  });

/** The primary of Postgres dies, and a standby is promoted that lacks what was written last. */
export const failPostgresOver: Act = async (fault, scene) => {
  const { postgres } = scene.stage;
  if (!(postgres instanceof PostgresPair)) return;
  return scene.inTurn(postgres, async () => {
    await postgres.cutReplication();
    await scene.sleep(fault.length);
    scene.count(fault, `kill -9 Postgres; its standby is promoted, and lacks the last ${seconds(fault.length)}`);
    await postgres.failOver();
    scene.note('         the other Postgres is the standby');
  });
};
