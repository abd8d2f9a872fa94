import { randomUUID } from 'node:crypto';
import { type Logger, needsOf, openRedis, redisPrefix } from '@tributary/shared';
import { readDocument, type Silence } from '../document.js';
import type { AlertStore } from './store.js';

/** Milliseconds for which a dashboard holds alerts without saying so again: three beats are missed then. */
export const HELD_FOR = 20_000;
/** Milliseconds. While Redis is away, the holder judges and sends from what it knows. */
const ANSWER_WITHIN = 3_000;

/** Takes or keeps the hold, and with a document keeps that too. It gives the same when it runs twice. */
const HOLD = `
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 'other' end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
if ARGV[3] ~= '' then redis.call('SET', KEYS[2], ARGV[3]) end
return 'held'
`;
const RELEASE = `if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end return 1`;

/** In Redis, where all dashboards of a pipeline find it: a text, a hash of silences, and who holds it. */
export function redisAlertStore(url: string, pipeline: string, instance: string, log: Logger): AlertStore {
  const connectionName = `dashboard ${instance} alerts`;
  const { redis, health } = openRedis({
    url,
    connectionName,
    log,
    commandTimeout: ANSWER_WITHIN,
    needs: needsOf(pipeline, true),
  });
  const prefix = redisPrefix(pipeline);
  const [documentKey, holderKey, silencesKey] = [
    `${prefix}alerts`,
    `${prefix}alerts-holder`,
    `${prefix}alert-silences`,
  ];
  // Two dashboards may have one name.
  const me = `${instance} ${randomUUID()}`;
  let isHeld = false;
  /** A command would wait until Redis is back, and with it whoever asks. */
  const check = () => {
    if (health.problem !== undefined) throw new Error(health.problem);
  };
  const holdAnd = async (text: string): Promise<boolean> => {
    check();
    return (await redis.eval(HOLD, 2, holderKey, documentKey, me, HELD_FOR, text)) === 'held';
  };
  const read = async () => {
    check();
    const text = await redis.get(documentKey);
    return text === null ? undefined : readDocument(text);
  };
  return {
    async hold() {
      const was = isHeld;
      const held = await holdAnd('');
      isHeld = held;
      if (!held) return 'other';
      if (was) return 'kept';
      try {
        return { taken: await read() };
      } catch (error) {
        isHeld = false;
        throw error;
      }
    },
    async save(document) {
      const kept = await holdAnd(JSON.stringify(document));
      if (!kept) isHeld = false;
      return kept;
    },
    read,
    async silences() {
      check();
      return Object.values(await redis.hgetall(silencesKey)).flatMap((text) => parsed(text));
    },
    async silence(silence) {
      check();
      await redis.hset(silencesKey, silence.id, JSON.stringify(silence));
    },
    async endSilence(id) {
      check();
      await redis.hdel(silencesKey, id);
    },
    async close() {
      if (isHeld && health.problem === undefined) await redis.eval(RELEASE, 1, holderKey, me).catch(() => {});
      isHeld = false;
      redis.disconnect();
    },
  };
}

function parsed(text: string): Silence[] {
  try {
    return [JSON.parse(text) as Silence];
  } catch {
    return [];
  }
}
