import { jsonLine, type Redis, readBytes, redisPrefix, writeBytes } from '@tributary/shared';

type Bytes = ReturnType<typeof writeBytes>;

/** One line of a copy: a key without the pipeline's name, or some entries of one. */
export interface CopiedKey {
  readonly key: string;
  readonly type: 'string' | 'hash' | 'list' | 'zset' | 'set';
  /** A text alone; fields and values in turns; elements; elements and scores in turns. */
  readonly values: readonly Bytes[];
  /** Milliseconds until it goes by itself. */
  readonly expires?: number;
}

const AT_ONCE = 500;

/** Every key of a pipeline, in no order. One that comes or goes meanwhile may be among them or not. */
export async function* keysOf(redis: Redis, pipeline: string): AsyncGenerator<string, void, undefined> {
  const pattern = `${redisPrefix(pipeline).replaceAll(/[[\]*?\\]/g, '\\$&')}*`;
  const seen = new Set<string>();
  let place = '0';
  do {
    const [next, keys] = await redis.scan(place, 'MATCH', pattern, 'COUNT', 1_000);
    for (const key of keys) if (!seen.has(key)) yield key;
    for (const key of keys) seen.add(key);
    place = next;
  } while (place !== '0');
}

/** A key as lines, some entries at a time. An entry that is changed meanwhile is the old or the new one. */
export async function* copyKey(
  redis: Redis,
  pipeline: string,
  key: string,
): AsyncGenerator<CopiedKey, void, undefined> {
  const name = key.slice(redisPrefix(pipeline).length);
  const type = await redis.type(key);
  if (!isCopied(type)) return;
  const left = await redis.pttl(key);
  for await (const values of VALUES[type](redis, key)) {
    if (values.length === 0) continue;
    yield { key: name, type, values: values.map(writeBytes), ...(left > 0 ? { expires: left } : {}) };
  }
}

const isCopied = (type: string): type is CopiedKey['type'] => Object.hasOwn(VALUES, type);

/** How each type is read. */
const VALUES = {
  async *string(redis, key) {
    const value = await redis.getBuffer(key);
    if (value !== null) yield [value];
  },
  hash: (redis, key) => pages((place) => redis.hscanBuffer(key, place, 'COUNT', AT_ONCE)),
  set: (redis, key) => pages((place) => redis.sscanBuffer(key, place, 'COUNT', AT_ONCE)),
  zset: (redis, key) => pages((place) => redis.zscanBuffer(key, place, 'COUNT', AT_ONCE)),
  async *list(redis, key) {
    for (let from = 0; ; from += AT_ONCE) {
      const values = await redis.lrangeBuffer(key, from, from + AT_ONCE - 1);
      yield values;
      if (values.length < AT_ONCE) return;
    }
  },
} satisfies Record<CopiedKey['type'], (redis: Redis, key: string) => AsyncGenerator<Buffer[], void, undefined>>;

async function* pages(scan: (place: string) => Promise<[Buffer, Buffer[]]>): AsyncGenerator<Buffer[], void, undefined> {
  let place = '0';
  do {
    const [next, values] = await scan(place);
    yield values;
    place = next.toString();
  } while (place !== '0');
}

export async function* linesOfKeys(redis: Redis, pipeline: string, keys: Iterable<string>) {
  for (const key of keys) for await (const copied of copyKey(redis, pipeline, key)) yield jsonLine(copied);
}

/** Writes one line of a copy. */
export async function putKey(
  redis: Redis,
  pipeline: string,
  { key: name, type, values, expires }: CopiedKey,
): Promise<void> {
  const key = `${redisPrefix(pipeline)}${name}`;
  await PUT[type](redis, key, values.map(readBytes));
  if (expires !== undefined) await redis.pexpire(key, expires);
}

const PUT = {
  string: (redis, key, [value = Buffer.alloc(0)]) => redis.set(key, value),
  hash: (redis, key, values) => redis.hset(key, ...values),
  set: (redis, key, values) => redis.sadd(key, ...values),
  list: (redis, key, values) => redis.rpush(key, ...values),
  zset(redis, key, values) {
    const turned: Buffer[] = [];
    for (let at = 0; at + 1 < values.length; at += 2) turned.push(values[at + 1] ?? ZERO, values[at] ?? ZERO);
    return redis.zadd(key, ...turned);
  },
} satisfies Record<CopiedKey['type'], (redis: Redis, key: string, values: Buffer[]) => Promise<unknown>>;

const ZERO = Buffer.from('0');
