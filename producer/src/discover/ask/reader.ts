import { type Clock, type Environment, isMapping, parsePipeline, RetryableError } from '@tributary/shared';
import { stringify } from 'yaml';
import { compileEndpoints, type EndpointFrom } from '../../endpoint.js';
import { Gate } from '../../sources/gate.js';
import type { Exchange } from '../../sources/port.js';
import { memoryTokenStores } from '../../sources/rest/auth/token-store.js';
import { Dispatchers, type Reach } from '../../sources/rest/dispatchers.js';
import type { Answer } from '../../sources/rest/fetch.js';
import { Pauses } from '../../sources/rest/pauses.js';
import type { Proxies } from '../../sources/rest/proxies.js';
import { RestSource } from '../../sources/rest/rest.js';
import type { Settings } from '../guess.js';
import { refuseForeign } from '../placeholders.js';
import { MOST_BYTES, Recorder } from './recorder.js';

export interface ReaderOptions {
  /** The settings as the person gave them: no other may hold placeholders. */
  readonly own: Settings;
  /** What `${NAME}` stands for. */
  readonly env: Environment;
  /** How many requests may be sent. */
  readonly requests: number;
  readonly clock: Clock;
  readonly proxies?: Proxies | undefined;
  /** Where requests may go; anywhere unless given. */
  readonly reach?: Reach | undefined;
  /** The most that is read of one answer, in bytes. */
  readonly maxBody?: number | undefined;
  readonly signal: AbortSignal;
  onExchange?(exchange: Exchange): void;
  onPause?(until: number): void;
}

/** What reading with certain settings gave. */
export interface Reading {
  readonly pages: readonly (readonly unknown[])[];
  /** Why there are no more pages, if that is no end. */
  readonly error?: Error | undefined;
  /** Whether pages follow those that were read. */
  readonly goesOn: boolean;
}

export interface ReadOptions {
  /** How many pages are read at most. */
  readonly pages: number;
  /** As it is written into the request. */
  readonly since?: string | number | undefined;
  /** The raw record of the parent, for a child. */
  readonly parent?: unknown;
  /** The URL of the parent, for a child. */
  readonly parentUrl?: string | undefined;
}

/** An entity that takes any record: what records are is found out later. */
const ANYTHING: Settings = {
  dataset: 'any',
  queue: 'any',
  key: 'id',
  version: 'time',
  fields: { id: 'string', time: 'datetime' },
};

/**
 * Reads an API as the producer will: with settings of the pipeline file, by its parser and its source. So what works here works there.
 */
export class Reader {
  readonly recorder: Recorder;
  readonly #options: ReaderOptions;
  readonly #dispatchers: Dispatchers;
  readonly #pauses: Pauses;
  readonly #tokens = memoryTokenStores();
  /** One request at a time. */
  readonly #gate: Gate;

  constructor(options: ReaderOptions) {
    this.#options = options;
    this.recorder = new Recorder(options.requests);
    this.#dispatchers = new Dispatchers(options.proxies, options.reach);
    this.#pauses = new Pauses(options.clock);
    this.#gate = new Gate({ concurrency: 1, perHost: { concurrency: 1 }, hosts: {} }, options.clock);
  }

  /** Whether a person has ended it. */
  get isAborted(): boolean {
    return this.#options.signal.aborted;
  }

  /** The answer to the first request, whatever it is. @throws if there is none, or the settings are wrong */
  async look(settings: Settings): Promise<{ readonly answer: Answer; readonly error?: Error | undefined }> {
    const { error } = await this.read({ ...settings, items: '$', as: 'single' }, { pages: 1 });
    const answer = this.recorder.last;
    if (answer === undefined) throw error ?? new RetryableError('network', 'there was no answer');
    return { answer, error };
  }

  /** @throws ConfigError if these are no settings of an endpoint; the signal's reason once it has aborted */
  async read(settings: Settings, { pages, since, parent, parentUrl }: ReadOptions): Promise<Reading> {
    const { own, signal } = this.#options;
    try {
      refuseForeign(settings, own);
    } catch (error) {
      // No guess that the answer asks for may be tried.
      if (error instanceof Error) return { pages: [], error, goesOn: false };
      throw error;
    }
    const source = this.#sourceOf(settings, parentUrl);
    const read: (readonly unknown[])[] = [];
    try {
      const variables = parent === undefined ? undefined : { parent };
      const asked = { since, variables, validators: [], trial: true, attended: true, signal };
      for await (const page of source.pages(asked)) {
        read.push(page.records);
        if (read.length >= pages) return { pages: read, goesOn: true };
      }
      return { pages: read, goesOn: false };
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Error)) throw error;
      return { pages: read, error, goesOn: false };
    }
  }

  async close(): Promise<void> {
    await this.#dispatchers.destroy();
  }

  #sourceOf(settings: Settings, parentUrl: string | undefined): RestSource {
    const { clock, onExchange, onPause } = this.#options;
    const { env, maxBody = MOST_BYTES } = this.#options;
    const endpoint = compileSettings({ ...settings, maxBodySize: maxBody }, env, parentUrl);
    return new RestSource(endpoint, {
      dispatcher: this.#dispatchers.for(endpoint.config),
      proxies: this.#dispatchers.proxies,
      gate: this.#gate,
      pauses: this.#pauses,
      tokens: this.#tokens,
      clock,
      random: Math.random,
      exchange: this.recorder.exchange,
      onRetry: () => {},
      onDoubt: () => {},
      onExchange: (exchange) => {
        if (this.recorder.wasSent) onExchange?.(exchange);
      },
      ...(onPause === undefined ? {} : { onPause }),
    });
  }
}

/** Compiles settings as they would stand in the file. */
function compileSettings(settings: Settings, env: Environment, parentUrl: string | undefined): EndpointFrom<'rest'> {
  const own = { ...settings, entity: 'any', retries: 1, maxRetryAfter: '5m' };
  const parent = parentUrl === undefined ? {} : { parent: { url: parentUrl, entity: 'any' } };
  const child = parentUrl === undefined ? own : { ...own, parent: { endpoint: 'parent' } };
  const text = stringify({ entities: { any: ANYTHING }, endpoints: { ...parent, discover: child } });
  const [first] = compileEndpoints(parsePipeline(text, env, 'what was found out'));
  const found = first?.id === 'parent' ? first.children[0] : first;
  if (found === undefined || !isRest(found)) throw new Error('the settings passed the check without an endpoint');
  return found;
}

const isRest = (endpoint: { readonly config: { readonly source: string } }): endpoint is EndpointFrom<'rest'> =>
  isMapping(endpoint.config) && endpoint.config.source === 'rest';
