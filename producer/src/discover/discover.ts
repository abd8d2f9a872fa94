import { type Clock, type Environment, FatalError } from '@tributary/shared';
import type { Exchange } from '../sources/port.js';
import type { Reach } from '../sources/rest/dispatchers.js';
import type { Proxies } from '../sources/rest/proxies.js';
import { bodyOf } from './ask/body.js';
import { Reader } from './ask/reader.js';
import { concealSecrets } from './ask/secrets.js';
import { settingsOf } from './ask/settings.js';
import type { Target } from './ask/target.js';
import { exploreAll } from './collections/explore-all.js';
import { type Collection, indexOf, isJsonServer } from './collections/index-of.js';
import type { Draft } from './draft.js';
import { explore } from './explore.js';
import { madeQuery } from './given/graphql.js';
import type { Settings } from './guess.js';
import { prefixOf } from './names.js';
import { refuseForeign, refuseForeignIn } from './placeholders.js';
import type { Place } from './records/place.js';

export interface DiscoverOptions {
  readonly target: Target;
  /** What `${NAME}` stands for. */
  readonly env: Environment;
  /** How many requests may be sent. */
  readonly requests: number;
  /** The URL is that of a GraphQL server, whose query is to be made: for this collection, or for the first. */
  readonly graphql?: string | true | undefined;
  /** What the records shall be called; found in the address unless given. */
  readonly name?: string | undefined;
  readonly clock: Clock;
  readonly proxies?: Proxies | undefined;
  /** Where requests may go; anywhere unless given. */
  readonly reach?: Reach | undefined;
  /** The most that is read of one answer, in bytes. */
  readonly maxBody?: number | undefined;
  readonly signal: AbortSignal;
  onExchange?(exchange: Exchange): void;
  onPause?(until: number): void;
  /** Asks a person which of places that are as likely holds the records; the first is taken unless given. */
  choosePlace?(places: readonly Place[]): Promise<Place>;
}

/**
 * Finds out how an API is polled: where its records lie, what they are, how their pages follow each other, and how it is asked for what
 * is new. Each guess is tried with the real source before it is taken.
 *
 * @throws FatalError saying what was found and what to do, if no pipeline can be made of it
 */
export async function discover(options: DiscoverOptions): Promise<Draft> {
  const { target: concealed, secrets } = concealSecrets(options.target, prefixOf(options.target.url), options.env);
  const base = settingsOf(concealed);
  const reader = new Reader({ ...options, own: base, env: { ...options.env, ...secrets } });
  const checked = async (settings: Settings, name: string | undefined) => {
    const collections =
      name === undefined && options.graphql === undefined ? await collectionsAt(settings, reader) : [];
    const found =
      collections.length > 0
        ? await exploreAll(settings, collections, reader)
        : await explore(settings, reader, { ...options, name });
    for (const endpoint of found.endpoints) refuseForeign(endpoint.settings, base);
    refuseForeignIn(found.entities);
    return found;
  };
  try {
    const { graphql, name } = options;
    if (graphql === undefined) return { ...(await checked(base, name)), secrets };
    const { settings, field, others } = await madeQuery(base, graphql === true ? undefined : graphql, reader);
    const found = await checked(settings, name ?? field);
    const more =
      others.length === 0
        ? []
        : [`the server has more collections, for --operation: ${others.slice(0, 20).join(', ')}`];
    return { ...found, secrets, notes: [...found.notes, ...more] };
  } catch (cause) {
    // Of the stack: lists within lists, by the thousand.
    if (cause instanceof RangeError)
      throw new FatalError('body_too_deep', 'the answer is nested too deep for records to be found in it', { cause });
    throw cause;
  } finally {
    await reader.close();
  }
}

/** The collections that the answer names, if it is an index and none itself. */
async function collectionsAt(settings: Settings, reader: Reader): Promise<Collection[]> {
  const { url, method } = settings;
  if (method !== undefined) return [];
  const at = async (address: string): Promise<Collection[]> => {
    const { answer } = await reader.look({ ...settings, url: address });
    const body = bodyOf(answer.text, answer.headers['content-type']);
    if (answer.status !== 200) return [];
    if (isJsonServer(answer.text) && URL.canParse(address) && !address.endsWith('/db'))
      return await at(new URL('/db', address).href);
    return 'value' in body && body.format === 'json' ? indexOf(body.value, address) : [];
  };
  return await at(String(url));
}
