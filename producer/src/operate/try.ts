import {
  authOf,
  type Clock,
  connectRedis,
  count,
  createLogger,
  describeError,
  FatalError,
  hookOf,
  isPolled,
  keepsToken,
  type PipelineConfig,
  PoisonError,
  parseJson,
  ReleaseList,
  stringifyJson,
} from '@tributary/shared';
import { EMPTY } from '../cursor/cursor.js';
import { compileEndpoints, type Endpoint } from '../endpoint.js';
import { versionWriter } from '../poll/since.js';
import { Slices } from '../poll/slices.js';
import { createIds } from '../publish/ids.js';
import { messageMaker } from '../publish/messages.js';
import { ShapeFindings } from '../shape/findings.js';
import { NO_KEYS, type ProtectionKeys } from '../shape/protect/keys.js';
import { compileShape } from '../shape/shape.js';
import { createSource } from '../sources/kinds.js';
import type { Source, SourceEvents } from '../sources/port.js';
import { createSeal } from '../sources/rest/auth/seal.js';
import { memoryTokenStore, type TokenStore } from '../sources/rest/auth/token-store.js';
import { redisTokenStore } from '../sources/rest/auth/token-store-redis.js';
import type { Proxies } from '../sources/rest/proxies.js';
import { createSurroundings } from '../sources/surroundings.js';
import { TriedEvent } from '../sources/webhook/tried-event.js';
import { describeSource } from './described.js';
import { Observations } from './observations.js';

type Kept = NonNullable<TryOptions['kept']>;

export interface TryOptions {
  readonly config: PipelineConfig;
  /** The endpoint's id. */
  readonly id: string;
  /** How many records are shown. No more pages are fetched than that takes. */
  readonly limit: number;
  /** How many pages are fetched at most; as many as `limit` takes, unless given. */
  readonly pages?: number | undefined;
  readonly clock: Clock;
  readonly proxies: Proxies;
  /** Where refresh tokens are that servers have replaced, and what they are encrypted with: to use one is to replace it. */
  readonly kept?: { readonly redisUrl: string; readonly secret: string } | undefined;
  /** What protections need. */
  readonly keys?: ProtectionKeys | undefined;
  /** The body of an event, for an endpoint that has a door: it is tried in the place of what would be polled. */
  readonly event?: string | undefined;
  /** Sees each raw record that is looked at. */
  readonly see?: ((raw: unknown) => void) | undefined;
  write(text: string): void;
}

/**
 * Polls an endpoint once, up to a few records, and shows the requests, the messages, and whether the consumer would accept
 * them. Nothing is published, no cursor is read or moved; neither RabbitMQ nor Redis is needed.
 *
 * @returns how many records of the pages that were fetched were looked at, and how many of them would be dead-lettered
 * @throws FatalError if there is no such endpoint, FatalError or RetryableError if it cannot be polled
 */
export async function tryEndpoint({
  config,
  id,
  limit,
  pages,
  clock,
  proxies,
  kept,
  keys = NO_KEYS,
  event,
  see,
  write,
}: TryOptions): Promise<{ readonly looked: number; readonly bad: number }> {
  const { endpoint, parents } = find(config, id, keys);
  const releases = new ReleaseList();
  const lasting =
    kept && keepsToken(authOf(endpoint.config)) ? openTokens(kept, config.name, clock, releases) : undefined;
  const tokens = { passing: memoryTokenStore(), lasting: lasting ?? memoryTokenStore() };
  const surroundings = createSurroundings({ limits: config.limits, proxies, clock, tokens });
  releases.add('the connections of the source', () => surroundings.close());
  const events: SourceEvents = {
    onRetry: (_code, reason) => write(`trying again: ${reason}\n`),
    onPause: (until) => write(`the API asks to wait until ${new Date(until).toISOString()}\n`),
    onDoubt: (reason) => write(`this may be set wrongly: ${reason}\n`),
    onExchange: ({ asked, answered, milliseconds }) => write(`${asked} -> ${answered}, ${milliseconds} ms\n`),
  };
  const source: Source =
    event === undefined ? createSource(endpoint, surroundings, events) : new TriedEvent(endpoint, event, clock);
  const messageOf = messageMaker(endpoint, 0, createIds());
  const findings = new ShapeFindings(endpoint.entity.config.unknownFields);
  const shape = compileShape(endpoint.entity.config, saidOf(endpoint, event), findings, endpoint.protectionKeys);
  const { signal } = new AbortController();
  const seen = new Observations(endpoint);
  let shown = 0;
  let bad = 0;
  let deleted = 0;
  const others = { records: 0, bad: 0, such: '' };
  try {
    const described = await source.describe?.(signal);
    if (described !== undefined) write(`${describeSource(described)}\n`);
    const variables = await firstOf(parents, (parent) => createSource(parent, surroundings, events), write);
    const first = new Slices(endpoint, EMPTY, clock.now()).first(undefined);
    const since = first.since && versionWriter(endpoint)(first.since);
    for await (const { records, fetchedAt } of source.pages({
      since,
      variables,
      validators: [],
      trial: true,
      attended: true,
      signal,
    })) {
      seen.page(records.length);
      write(`${count(records.length, 'record')}\n`);
      const hidden = records.slice(limit - shown);
      for (const raw of records.slice(0, limit - shown)) {
        see?.(raw);
        const { record, isFiltered, isDeleted } = shape.of(raw);
        // A tombstone holds the key alone, and says nothing of the other columns.
        if (isDeleted) deleted += 1;
        else seen.record(record, isFiltered);
        const { envelope, body } = messageOf(record, fetchedAt);
        const { valid, said } = isFiltered ? FILTERED : judge(endpoint, body, isDeleted);
        bad += valid ? 0 : 1;
        shown += 1;
        write(
          `\nraw: ${stringifyJson(raw)}\n${JSON.stringify(envelope)}\n${body.toString()}\n${said}${findings.take()}\n`,
        );
      }
      for (const raw of hidden) {
        const { record, isFiltered, isDeleted } = shape.of(raw);
        const { valid, said } = isFiltered ? FILTERED : judge(endpoint, messageOf(record, fetchedAt).body, isDeleted);
        others.records += 1;
        if (valid) continue;
        others.bad += 1;
        others.such ||= said;
      }
      if (pages === undefined ? shown >= limit : seen.pages >= pages) break;
    }
  } finally {
    await releases.release();
  }
  for (const hint of seen.hints()) write(`\nthis may be set wrongly: ${hint}`);
  const leftOut = seen.filtered === 0 ? '' : `, ${seen.filtered} left out by where`;
  const gone = deleted === 0 ? '' : `, ${deleted} deleted by deletes.when`;
  const such = others.bad === 0 ? '' : `, such as ${others.such}`;
  const unseen = others.records === 0 ? '' : `; of ${others.records} more on these pages ${others.bad} would be${such}`;
  write(
    `\n${shown} shown${leftOut}${gone}, ${bad} of them would be dead-lettered${unseen}; nothing was published, no cursor was moved\n`,
  );
  return { looked: shown + others.records, bad: bad + others.bad };
}

/**
 * What the file says of the records that are tried.
 * @throws FatalError if there is nothing to try
 */
function saidOf({ id, config }: Endpoint, event: string | undefined): Parameters<typeof compileShape>[1] {
  if (event === undefined && !isPolled(config)) {
    const remedy = `show it one, as in: npx tributary try ${id} --event event.json`;
    throw new FatalError('event_missing', `${id} is not polled, events come to POST /hooks/${id}: ${remedy}`);
  }
  return (event === undefined ? undefined : hookOf(config)) ?? config;
}

/** @throws Error from its calls if Redis does not answer within seconds, since a person waits */
function openTokens(
  { redisUrl: url, secret }: Kept,
  pipeline: string,
  clock: Clock,
  releases: ReleaseList,
): TokenStore {
  const log = createLogger({ service: 'producer', instance: 'try', level: 'silent' });
  const redis = connectRedis({ url, connectionName: 'producer try', log, commandTimeout: 5_000 });
  releases.add('the Redis connection', () => redis.disconnect());
  return redisTokenStore({ redis, pipeline, seal: () => createSeal(secret, pipeline), clock, log });
}

/** An endpoint, and those that it is polled for, the outermost first. */
interface Lineage {
  readonly endpoint: Endpoint;
  readonly parents: readonly Endpoint[];
}

function find(config: PipelineConfig, id: string, keys: ProtectionKeys): Lineage {
  if (config.endpoints[id] === undefined) {
    const known = Object.keys(config.endpoints).join(', ');
    throw new FatalError('endpoint_unknown', `there is no endpoint "${id}"; expected one of ${known}`);
  }
  // An endpoint that is not enabled can be tried too: that shows whether to enable it.
  const enabled = Object.entries(config.endpoints).map(([name, settings]) => [name, { ...settings, enabled: true }]);
  const found = findIn(compileEndpoints({ ...config, endpoints: Object.fromEntries(enabled) }, keys), id, []);
  if (found === undefined) throw new Error(`endpoint ${id} was not compiled`);
  return found;
}

function findIn(endpoints: readonly Endpoint[], id: string, parents: readonly Endpoint[]): Lineage | undefined {
  for (const endpoint of endpoints) {
    if (endpoint.id === id) return { endpoint, parents };
    const found = findIn(endpoint.children, id, [...parents, endpoint]);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * What placeholders name for a child: the first record that its parent gives.
 * @throws FatalError if a parent gives none
 */
async function firstOf(
  parents: readonly Endpoint[],
  sourceOf: (parent: Endpoint) => Source,
  write: (text: string) => void,
): Promise<Readonly<Record<string, unknown>>> {
  let variables = {};
  for (const parent of parents) {
    const { signal } = new AbortController();
    let first: unknown;
    for await (const { records } of sourceOf(parent).pages({
      variables,
      validators: [],
      trial: true,
      attended: true,
      signal,
    })) {
      first = records[0];
      if (first !== undefined) break;
    }
    if (first === undefined) throw new FatalError('parent_empty', `${parent.id} gives no record to try its child with`);
    write(`for the first record of ${parent.id}: ${stringifyJson(first)}\n`);
    variables = { parent: first };
  }
  return variables;
}

/** Whether the consumer would accept a message's body, and why not. */
function judge(
  { entity }: Endpoint,
  body: Buffer,
  isDeleted: boolean,
): { readonly valid: boolean; readonly said: string } {
  try {
    entity.decode(parseJson(body.toString()));
    return { valid: true, said: isDeleted ? 'a tombstone: deletes.when holds, so its row is deleted' : 'valid' };
  } catch (error) {
    if (!(error instanceof PoisonError)) throw error;
    return { valid: false, said: `a dead letter (${error.code}): ${describeError(error)}` };
  }
}

const FILTERED = { valid: true, said: 'left out by where: it is not published' };
