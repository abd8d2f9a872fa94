import { hasOwnOrder, type PipelineConfig, type Redis, redisPrefix } from '@tributary/shared';
import { keysOf } from './redis-copy.js';
import { type KeptWhen, keptWhen } from './redis-keys.js';

/** The keys in Redis that are kept at this step. Of a stream nothing is: after a restore its tables are copied again. */
export async function keysToKeep(redis: Redis, config: PipelineConfig, when: KeptWhen): Promise<string[]> {
  const found: string[] = [];
  for await (const key of keysOf(redis, config.name)) {
    if (keptWhen(config.name, key) === when && !isOfStream(config, key)) found.push(key);
  }
  return found;
}

function isOfStream({ name, endpoints }: PipelineConfig, key: string): boolean {
  const [kind = '', id = ''] = splitAt(key.slice(redisPrefix(name).length));
  const endpoint = Object.hasOwn(endpoints, id) ? endpoints[id] : undefined;
  return (kind === 'cursor' || kind === 'keys') && endpoint !== undefined && hasOwnOrder(endpoint);
}

const splitAt = (name: string): [string, string] => {
  const colon = name.indexOf(':');
  return colon === -1 ? [name, ''] : [name.slice(0, colon), name.slice(colon + 1)];
};
