import { type Redis, redisPrefix } from '@tributary/shared';
import type { OutgoingMessage } from '../../publish/messages.js';
import type { CopiesOf, EventCopies } from './copies.js';

const DROP = `
redis.call('LTRIM', KEYS[1], ARGV[1], -1)
if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('HDEL', KEYS[2], ARGV[2]) end
return ''`;

/** In lists of Redis, `hook-copies:TOKEN`, with a hash that names them all. */
export function redisEventCopies(redis: Redis, pipeline: string): EventCopies {
  const index = `${redisPrefix(pipeline)}hook-copies`;
  const keyOf = (token: string) => `${index}:${token}`;
  return {
    async keep(token, of, messages) {
      const texts = messages.map(({ envelope, body }) => JSON.stringify({ envelope, body: body.toString() }));
      const answers = await redis
        .multi()
        .hset(index, token, JSON.stringify(of))
        .rpush(keyOf(token), ...texts)
        .exec();
      for (const [error] of answers ?? []) if (error) throw error;
    },
    async read(token) {
      const texts = await redis.lrange(keyOf(token), 0, -1);
      return texts.map((text) => {
        const { envelope, body } = JSON.parse(text) as Pick<OutgoingMessage, 'envelope'> & { readonly body: string };
        return { envelope, body: Buffer.from(body) };
      });
    },
    async drop(token, count) {
      await redis.eval(DROP, 2, keyOf(token), index, count, token);
    },
    async list() {
      const all = Object.entries(await redis.hgetall(index));
      return new Map(all.map(([token, text]) => [token, JSON.parse(text) as CopiesOf]));
    },
  };
}
