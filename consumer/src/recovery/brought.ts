import { cursorKey, cursorResetsKey, hasOwnOrder, knownKeysKey, type PipelineConfig } from '@tributary/shared';
import { isTombstone } from '../ledger/content.js';
import type { LedgerRedis } from '../ledger/redis-client.js';
import type { NewestRow } from './landed.js';

/**
 * The version of a change that the log of a Postgres told (`versionAt` of the producer), and the order that begins with it. Rows that another
 * program or another kind of source brought have other versions: of them a copy of the table says nothing.
 */
const OF_A_LOG = /^(w[0-9a-z]{9}-[0-9a-f]{16}-[0-9a-f]{8}) /;

/** Keys that are noted with one call. */
const AT_ONCE = 500;

/**
 * Notes keys that Redis does not know, in the form of the producer's known keys: brought, and by no run of now. Where a run has begun without them, what it
 * has copied was compared with less than there is: its cursor is void then, and everything is copied again. Not so a place that is older than what Redis holds, behind
 * which nothing was copied: the stream tells what goes.
 */
const NOTE = `
local isBegun, new = redis.call('HEXISTS', KEYS[1], ''), 0
for at = 1, #ARGV, 2 do new = new + redis.call('HSETNX', KEYS[1], ARGV[at], '0.0 +' .. ARGV[at + 1]) end
local isOutlived = string.find(redis.call('GET', KEYS[3]) or '', '"outlived":true', 1, true)
if new > 0 and isBegun == 1 and not isOutlived then redis.call('INCR', KEYS[2]) end
return new`;

/** Endpoints that bring an entity, and the one under whose name their place is kept. */
interface Bringing {
  readonly endpoints: readonly string[];
  readonly first: string;
}

/**
 * Tells the producers again which keys a followed database had brought, when Redis has lost that: the output still has their rows. A copy of the tables
 * then shows which of them are gone, also where the log does not tell it any more.
 */
export class BroughtKeys {
  readonly #redis: Pick<LedgerRedis, 'eval'>;
  readonly #config: PipelineConfig;

  constructor(redis: Pick<LedgerRedis, 'eval'>, config: PipelineConfig) {
    this.#redis = redis;
    this.#config = config;
  }

  /** @param newest the newest row of each key of the entity */
  async note(entity: string, newest: ReadonlyMap<string, NewestRow>): Promise<void> {
    const bringing = bringingOf(this.#config, entity);
    if (bringing === undefined) return;
    const known = [...newest].flatMap(([key, { order, hash }]): [string, string][] => {
      const version = OF_A_LOG.exec(order)?.[1];
      return version === undefined || isTombstone(hash) ? [] : [[key, version]];
    });
    const { name } = this.#config;
    for (const endpoint of bringing.endpoints) {
      const names = [
        knownKeysKey(name, endpoint),
        cursorResetsKey(name, bringing.first),
        cursorKey(name, bringing.first),
      ];
      for (let from = 0; from < known.length; from += AT_ONCE) {
        await this.#redis.eval(NOTE, names.length, ...names, ...known.slice(from, from + AT_ONCE).flat());
      }
    }
  }
}

/**
 * Undefined where a copy does not show what is gone: the entity is brought by no followed table, by tables of more than one database or slot, or by
 * a table that is not followed at the moment.
 */
function bringingOf({ endpoints }: PipelineConfig, entity: string): Bringing | undefined {
  const its = Object.entries(endpoints).filter(([, one]) => one.entity === entity);
  const slots = new Set(its.map(([, one]) => slotOf(one)));
  const [slot] = slots;
  if (slots.size !== 1 || slot === undefined) return undefined;
  const [first] = Object.entries(endpoints).find(([, one]) => slotOf(one) === slot) ?? [];
  return first === undefined ? undefined : { endpoints: its.map(([id]) => id), first };
}

/** Names the stream in which the changes of a table come; undefined if they come in none. */
function slotOf(endpoint: PipelineConfig['endpoints'][string]): string | undefined {
  if (!endpoint.enabled || !hasOwnOrder(endpoint) || endpoint.source !== 'postgres-changes') return undefined;
  const { url, slot, publication } = endpoint;
  return JSON.stringify([url, slot, publication]);
}
