import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { sinkWords } from '../config/kinds/sinks.js';
import type { PipelineConfig } from '../config/schema.js';
import type { Clock } from '../service/clock.js';
import { redisPrefix } from './redis.js';
import { RESTORING_WORDS, restoringKey } from './restoring.js';

/** What a service tells others of its pipeline. */
interface Described {
  readonly endpoints: readonly string[];
  /** Where its rows land, in words. */
  readonly place: string;
  /** A hash of what its entities are. */
  readonly entities: string;
}

/** Milliseconds between two announcements, and after which a service that says nothing is taken as gone. */
const BEAT = 2_000;
const FRESH = 7_000;

/** Announcements in a row that find a twin; fewer may find what was killed a moment ago, and has started again. */
const TWIN_AFTER = 6;

/** Announces a service and tells the living ones, in one step: of two that start together, the second sees the first. */
const ANNOUNCE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local since = string.match(redis.call('HGET', KEYS[1], ARGV[1]) or '', '^%d+ (%d+) ') or string.format('%.0f', now)
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', now) .. ' ' .. since .. ' ' .. ARGV[2])
redis.call('PEXPIRE', KEYS[1], 86400000)
local living = {}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local seen, began, text = string.match(all[i + 1], '^(%d+) (%d+) (.*)$')
  -- Further ahead than that, it was announced before this server's clock was set back.
  if math.abs(now - tonumber(seen)) <= ${FRESH} then
    table.insert(living, { all[i], began, text })
  else
    redis.call('HDEL', KEYS[1], all[i])
  end
end
return living`;

export interface PipelineClaimOptions {
  readonly redis: Pick<Redis, 'eval' | 'exists' | 'hdel'>;
  readonly config: PipelineConfig;
  /** Names the service, and this run of it. */
  readonly service: string;
  readonly clock: Clock;
  /** Called with which other pipeline has this name, and with undefined when it is gone. */
  readonly onProblem: (problem: string | undefined) => void;
  /** Called once if another service of the same kind and instance goes on living beside this one. */
  readonly onTwin: (words: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Sees to it that a name belongs to one pipeline. Exchange, queues and ledger are named by it (the default is `tributary`), so
 * two pipelines of one name would get each other's records. Another pipeline is one that has no endpoint in common with ours,
 * and other entities or another output: a changed file of the same pipeline has something in common with what it was.
 *
 * Resolves when the name is ours; until then it tells which service has it. From then on it goes on announcing this one.
 */
export async function claimPipeline(options: PipelineClaimOptions): Promise<void> {
  const { config, clock, onProblem, signal } = options;
  const ours = describe(config);
  for (;;) {
    const rival = await rivalOf(options, ours).catch(() => undefined);
    onProblem(rival);
    if (rival === undefined) break;
    await clock.sleep(BEAT, signal);
    if (signal.aborted) return;
  }
  void keepAnnouncing(options, ours);
}

async function keepAnnouncing(options: PipelineClaimOptions, ours: Described): Promise<void> {
  const { redis, config, service, clock, onTwin, signal } = options;
  let twins = 0;
  while (!signal.aborted) {
    await clock.sleep(BEAT, signal);
    if (signal.aborted) break;
    const living = await announce(options, ours).catch(() => []);
    const hasTwin = living.some(([name]) => name !== service && instanceOf(name) === instanceOf(service));
    twins = hasTwin ? twins + 1 : 0;
    if (twins === TWIN_AFTER) onTwin(twinWords(instanceOf(service)));
  }
  await redis.hdel(keyOf(config), service).catch(() => {});
}

/** Of "consumer host-1 1f2e": without what tells its runs apart. */
const instanceOf = (service: string): string => service.replace(/ [^ ]*$/, '');

const twinWords = (name: string): string =>
  `two services go by the name "${name}": both work, but logs, metrics and RabbitMQ cannot tell them apart; give each an INSTANCE_ID of its own`;

const keyOf = ({ name }: PipelineConfig): string => `${redisPrefix(name)}services`;

const describe = (config: PipelineConfig): Described => ({
  endpoints: Object.keys(config.endpoints),
  place: sinkWords(config.sink).place,
  entities: createHash('sha256').update(JSON.stringify(config.entities)).digest('hex').slice(0, 16),
});

type Living = readonly [name: string, since: string, text: string];

/** The services of a pipeline that live, by their names. */
export async function livingServices(redis: Pick<Redis, 'hgetall' | 'time'>, pipeline: string): Promise<string[]> {
  const [all, [seconds]] = await Promise.all([redis.hgetall(`${redisPrefix(pipeline)}services`), redis.time()]);
  const isFresh = (text: string) => Math.abs(Number(seconds) * 1_000 - Number(text.split(' ', 1)[0])) <= FRESH + 1_000;
  return Object.entries(all).flatMap(([name, text]) => (isFresh(text) ? [name] : []));
}

/** @returns every service that lives, this one included */
async function announce({ redis, config, service }: PipelineClaimOptions, ours: Described): Promise<Living[]> {
  return (await redis.eval(ANNOUNCE, 1, keyOf(config), service, JSON.stringify(ours))) as Living[];
}

/** A restore that has not ended, or a service of another pipeline with our name that began before us, in words. */
async function rivalOf(options: PipelineClaimOptions, ours: Described): Promise<string | undefined> {
  const { redis, config, service } = options;
  if ((await redis.exists(restoringKey(config.name))) > 0) return RESTORING_WORDS;
  const living = await announce(options, ours);
  const mine = living.find(([name]) => name === service);
  for (const [name, since, text] of living) {
    const age = Number(since) - Number(mine?.[1]);
    if (name === service || age > 0 || (age === 0 && name > service)) continue;
    const theirs = JSON.parse(text) as Described;
    if (!isOther(ours, theirs)) continue;
    const what = `another pipeline runs under the name "${config.name}" on this RabbitMQ and Redis (${name}, writing to ${theirs.place}, with the endpoints ${theirs.endpoints.slice(0, 5).join(', ')})`;
    return `${what}: the two would get each other's records; give this pipeline a name of its own, and queues of its own (name: and queue: in its file)`;
  }
  return undefined;
}

function isOther(ours: Described, theirs: Described): boolean {
  if (ours.endpoints.some((endpoint) => theirs.endpoints.includes(endpoint))) return false;
  return ours.place !== theirs.place || ours.entities !== theirs.entities;
}
