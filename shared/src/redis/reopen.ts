import type { Redis } from 'ioredis';

/** Milliseconds before the next attempt. */
const PAUSE = 100;

/** Whether this side has closed the connection for good, by `quit` or `disconnect`. */
const isClosing = (redis: Redis): boolean => Reflect.get(redis, 'manuallyClosing') === true;

/**
 * Connects again where ioredis gives up. It does so for ever if it is told to leave its connection (by a Sentinel that has another master, say)
 * just while it asks the Sentinels for the master: each command fails then, until the service is started again (5.11.1).
 *
 * @param onEnd called when the connection has ended because this side has closed it
 */
export function reopen(redis: Redis, onEnd: () => void): void {
  let isClosed = false;
  redis.on('connecting', () => {
    isClosed = false;
  });
  // ioredis tells "close" before "end" if this side has closed the connection.
  redis.on('close', () => {
    isClosed = true;
  });
  redis.on('end', () => {
    if (isClosed || isClosing(redis)) return onEnd();
    setTimeout(() => {
      if (isClosing(redis)) onEnd();
      else redis.connect().catch(() => {});
    }, PAUSE);
  });
}
