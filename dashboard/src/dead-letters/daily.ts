import { type Clock, type Redis, redisPrefix } from '@tributary/shared';

/** Which dashboard does what is done once a day by one of them. Every call rejects where that cannot be known. */
export interface Daily {
  /** Takes it for so many milliseconds, unless it was taken, or done, in its time. */
  take(milliseconds: number): Promise<boolean>;
  /** Notes that it need not be done for so many milliseconds. */
  done(milliseconds: number): Promise<void>;
}

/**
 * In Redis, by its clock. The loss of the note means no more than that it is done once more.
 * @param check throws, without waiting, while Redis is away
 */
export function redisDaily(redis: Redis, pipeline: string, what: string, check: () => void): Daily {
  const key = `${redisPrefix(pipeline)}daily:${what}`;
  return {
    async take(milliseconds) {
      check();
      return (await redis.set(key, 'taken', 'PX', milliseconds, 'NX')) === 'OK';
    },
    async done(milliseconds) {
      check();
      await redis.set(key, 'done', 'PX', milliseconds);
    },
  };
}

/** For a dashboard without Redis: it is the only one. */
export function memoryDaily(clock: Clock): Daily {
  let until = Number.NEGATIVE_INFINITY;
  const done = async (milliseconds: number) => {
    until = clock.monotonic() + milliseconds;
  };
  return {
    async take(milliseconds) {
      if (clock.monotonic() < until) return false;
      await done(milliseconds);
      return true;
    },
    done,
  };
}
