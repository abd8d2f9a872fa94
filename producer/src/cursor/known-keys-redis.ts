import { knownKeysKey, RetryableError, redisPrefix } from '@tributary/shared';
import type { Redis } from 'ioredis';
import type { KnownKey, KnownKeys, RunKeys } from './known-keys.js';

/** How many keys one answer of Redis is about. */
const BATCH = 1_000;

/**
 * A producer that was suspended, and lost its lease to another meanwhile, must not touch what the other notes: a key that the
 * other has seen would look as if it had not.
 */
const FENCED = `
local fence = string.match(redis.call('HGET', KEYS[1], ARGV[1]) or '', '^(%d+)') or ''
if ARGV[2] ~= '' and ARGV[2] ~= fence then return 'lease' end
`;

const HELD = `${FENCED}
return ''`;

/**
 * A Redis that was replaced, or restarted from an older copy, lacks keys that this walk has noted, and they would count as missing.
 * So the entry without a name says which walk goes on, and how often it has noted.
 */
const WHOLE = `${FENCED}
local head = redis.call('HGET', KEYS[2], '')
if head ~= ARGV[3] and head ~= ARGV[4] then return 'lost' end
`;

const BEGIN = `${FENCED}
local head = redis.call('HGET', KEYS[2], '')
if head and string.match(head, '^%S+') ~= ARGV[3] then redis.call('UNLINK', KEYS[2]) end
redis.call('HSET', KEYS[2], '', ARGV[4])
return ''`;

/** Lua's own < compares as the server's locale does; versions are compared byte by byte everywhere. */
const BEFORE = `
local function before(a, b)
  for at = 1, math.min(#a, #b) do
    local x, y = string.byte(a, at), string.byte(b, at)
    if x ~= y then return x < y end
  end
  return #a < #b
end
`;

const NOTE = `${WHOLE}${BEFORE}
local token, run, fields = ARGV[5], string.match(ARGV[5], '^%d+'), {}
for at = 6, #ARGV, 2 do fields[#fields + 1] = ARGV[at] end
local set, earlier = { '', ARGV[4] }, 0
for at, known in ipairs(redis.call('HMGET', KEYS[2], unpack(fields))) do
  local mark, version = string.match(ARGV[5 + 2 * at], '^(.)(.*)$')
  if known then
    local run_before, mark_before, version_before = string.match(known, '^(%d+)%.%d+ (.)(.*)$')
    if run_before ~= run and mark_before == '+' then earlier = earlier + 1 end
    if version ~= version_before and before(version, version_before) then version = version_before end
  end
  set[#set + 1] = fields[at]
  set[#set + 1] = token .. ' ' .. mark .. version
end
redis.call('HSET', KEYS[2], unpack(set))
return earlier`;

/** Answers the place to go on from, and then each key with its mark and version. */
const LIST = `${WHOLE}
local page = redis.call('HSCAN', KEYS[2], ARGV[6], 'COUNT', ARGV[7])
local found = { page[1] }
for at = 1, #page[2], 2 do
  local seen, rest = string.match(page[2][at + 1], '^(%S+) (.*)$')
  if page[2][at] ~= '' and seen ~= ARGV[5] and (ARGV[8] == 'buried' or string.sub(rest, 1, 1) ~= 'x') then
    found[#found + 1] = page[2][at]
    found[#found + 1] = rest
  end
end
return found`;

const BURY = `${WHOLE}
for at = 6, #ARGV do
  local token, version = string.match(redis.call('HGET', KEYS[2], ARGV[at]) or '', '^(%S+) .(.*)$')
  if token and token ~= ARGV[5] then redis.call('HSET', KEYS[2], ARGV[at], '0.0 x' .. version) end
end
return ''`;

/**
 * Keys that no other endpoint has, each with its version: another endpoint that left a key to this one may have raised it since it was listed.
 * With `claim`, the others are left to those that have them.
 */
const OWN = `${WHOLE}${BEFORE}
local own = {}
for at = 6, #ARGV do
  local elsewhere = false
  local version = string.match(redis.call('HGET', KEYS[2], ARGV[at]) or '', '^%S+ .(.*)$') or ''
  for other = 3, #KEYS do
    local rest, mark, its = string.match(redis.call('HGET', KEYS[other], ARGV[at]) or '', '^(%S+ (.))(.*)$')
    if mark and mark ~= 'x' then
      elsewhere = true
      if ARGV[5] == 'claim' and before(its, version) then redis.call('HSET', KEYS[other], ARGV[at], rest .. version) end
    end
  end
  if not elsewhere then
    own[#own + 1] = ARGV[at]
    own[#own + 1] = version
  elseif ARGV[5] == 'claim' then redis.call('HDEL', KEYS[2], ARGV[at]) end
end
return own`;

const LIVE = `${WHOLE}
local live, fields = {}, {}
for at = 5, #ARGV do fields[#fields + 1] = ARGV[at] end
for at, known in ipairs(redis.call('HMGET', KEYS[2], unpack(fields))) do
  if known and string.match(known, '^%S+ (.)') == '+' then live[#live + 1] = fields[at] end
end
return live`;

/** It changes nothing that a walk goes by, so it needs no lease. */
const HEAR = `${BEFORE}
local fields, set = {}, {}
for at = 1, #ARGV, 2 do fields[#fields + 1] = ARGV[at] end
for at, known in ipairs(redis.call('HMGET', KEYS[1], unpack(fields))) do
  local rest, mark, version = string.match(known or '', '^(%S+ (.))(.*)$')
  if mark == 'x' then
    redis.call('HDEL', KEYS[1], fields[at])
  elseif rest and before(version, ARGV[2 * at]) then
    set[#set + 1] = fields[at]
    set[#set + 1] = rest .. ARGV[2 * at]
  end
end
if #set > 0 then redis.call('HSET', KEYS[1], unpack(set)) end
return ''`;

/**
 * Keys in Redis: the hash `keys:<endpoint>` holds for each key the walk that saw it last, a mark (`+`, `-` for one that the API
 * marked as deleted, `x` for one that is buried), and the version: `12.1 +2026-03-01T11:00:00.000`. It takes some 100 bytes for each key.
 *
 * @param fenceOf as of redisCursorStore
 */
export function redisKnownKeys(
  redis: Redis,
  pipeline: string,
  fenceOf: (endpoint: string) => number | undefined = () => undefined,
): KnownKeys {
  const prefix = redisPrefix(pipeline);
  const nameOf = (id: string) => knownKeysKey(pipeline, id);
  return {
    open(id, run, kind, heldAs = id) {
      // A run keeps to the lease under which it began.
      const fence = fenceOf(heldAs) ?? '';
      const call: Call = async (script, others, ...args) => {
        const names = [`${prefix}leases`, nameOf(id), ...others.map(nameOf)];
        const answer = await redis.eval(script, names.length, ...names, heldAs, fence, ...args);
        if (answer === 'lease') throw new RetryableError('lease_lost', `${id}: ${LEASE_LOST}`);
        if (answer === 'lost') throw new RetryableError('known_keys_lost', `${id}: ${KEYS_LOST}`);
        return answer;
      };
      return new RedisRunKeys(call, run, kind);
    },
    async hear(id, keys) {
      if (keys.length === 0) return;
      await redis.eval(HEAR, 1, nameOf(id), ...keys.flatMap(({ key, version }) => [key, version]));
    },
  };
}

const LEASE_LOST = 'another producer polls it by now, and fetches again what was fetched here';
const KEYS_LOST =
  'Redis was replaced while the keys of this poll were being noted, so nothing can be said of what is missing; the next poll notes them again';

/** Runs a script. @param others endpoints whose keys are looked at too */
type Call = (script: string, others: readonly string[], ...args: readonly (string | number)[]) => Promise<unknown>;

class RedisRunKeys implements RunKeys {
  readonly #call: Call;
  readonly #run: number;
  readonly #kind: string;
  #walk = 0;
  #noted = 0;
  /** Each step waits for the one before: the head counts them. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(call: Call, run: number, kind: string) {
    this.#call = call;
    this.#run = run;
    this.#kind = kind;
  }

  async begin(): Promise<void> {
    await this.#inTurn(() => {
      this.#walk += 1;
      this.#noted = 0;
      return this.#call(BEGIN, [], this.#kind, this.#head());
    });
  }

  async held(): Promise<void> {
    await this.#call(HELD, []);
  }

  async note(keys: readonly KnownKey[]): Promise<number> {
    if (keys.length === 0) return 0;
    const args = keys.flatMap(({ key, version, isMarked }) => [key, `${isMarked ? '-' : '+'}${version}`]);
    // A call whose answer was lost with the connection is made again, and finds the head that it left.
    const answer = await this.#inTurn(() => {
      const before = this.#head();
      this.#noted += 1;
      return this.#call(NOTE, [], before, this.#head(), this.#token, ...args);
    });
    return Number(answer);
  }

  missing(evenBuried = false): AsyncGenerator<readonly KnownKey[], void, undefined> {
    return this.#list(this.#token, evenBuried);
  }

  all(): AsyncGenerator<readonly KnownKey[], void, undefined> {
    return this.#list('', false);
  }

  claim(keys: readonly KnownKey[], others: readonly string[]): Promise<readonly KnownKey[]> {
    return this.#own('claim', keys, others);
  }

  own(keys: readonly KnownKey[], others: readonly string[]): Promise<readonly KnownKey[]> {
    return this.#own('look', keys, others);
  }

  async #own(how: 'claim' | 'look', keys: readonly KnownKey[], others: readonly string[]) {
    if (others.length === 0 || keys.length === 0) return keys;
    const head = this.#head();
    const names = keys.map(({ key }) => key);
    const answer = (await this.#call(OWN, others, head, head, how, ...names)) as string[];
    const versions = new Map<string, string>();
    for (let at = 0; at < answer.length; at += 2) versions.set(answer[at] ?? '', answer[at + 1] ?? '');
    return keys.flatMap((one) => {
      const version = versions.get(one.key);
      return version === undefined ? [] : [{ ...one, version: version || one.version }];
    });
  }

  async live(keys: readonly string[]): Promise<ReadonlySet<string>> {
    const live = new Set<string>();
    for (let from = 0; from < keys.length; from += BATCH) {
      const some = keys.slice(from, from + BATCH);
      const answer = await this.#inTurn(() => this.#call(LIVE, [], this.#head(), this.#head(), ...some));
      for (const key of answer as string[]) live.add(key);
    }
    return live;
  }

  async bury(keys: readonly KnownKey[]): Promise<void> {
    if (keys.length === 0) return;
    const head = this.#head();
    await this.#call(BURY, [], head, head, this.#token, ...keys.map(({ key }) => key));
  }

  /** @param except the walk whose keys are left out; '' for none */
  async *#list(except: string, evenBuried: boolean): AsyncGenerator<readonly KnownKey[], void, undefined> {
    let place = '0';
    do {
      // Keys may be noted between two pages.
      const answer = await this.#inTurn(() => {
        const head = this.#head();
        return this.#call(LIST, [], head, head, except, place, BATCH, evenBuried ? 'buried' : '');
      });
      const [next = '0', ...found] = answer as string[];
      const keys: KnownKey[] = [];
      for (let at = 0; at < found.length; at += 2) {
        const [key = '', rest = ''] = [found[at], found[at + 1]];
        keys.push({ key, version: rest.slice(1), isMarked: !rest.startsWith('+') });
      }
      if (keys.length > 0) yield keys;
      place = next;
    } while (place !== '0');
  }

  async #inTurn(step: () => Promise<unknown>): Promise<unknown> {
    const done = this.#last.then(step);
    this.#last = done;
    return await done;
  }

  get #token(): string {
    return `${this.#run}.${this.#walk}`;
  }

  #head(): string {
    return `${this.#kind} ${this.#token} ${this.#noted}`;
  }
}
