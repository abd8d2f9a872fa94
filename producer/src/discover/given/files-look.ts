import { type Clock, type EndpointOf, type Environment, parsePipeline } from '@tributary/shared';
import { stringify } from 'yaml';
import { compileEndpoints, type EndpointFrom } from '../../endpoint.js';
import { FilesSource } from '../../sources/files/files.js';
import { placeOf } from '../../sources/files/places/kinds.js';
import { S3 } from '../../sources/files/places/s3-client.js';
import { Gate } from '../../sources/gate.js';
import { Unreadable } from '../../sources/port.js';
import type { Settings } from '../guess.js';
import { type FileGroup, groupsOf } from './file-groups.js';

/** What files are looked at with. */
export interface FilesLookOptions {
  /** `AWS_ACCESS_KEY_ID` and others, for S3. */
  readonly env: Environment;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const MOST_RECORDS = 2_000;
/** Of one record, while nothing is known of the files: a JSON document whose list is deep inside is read as one. */
const MOST_BYTES = 64 * 1024 * 1024;

/** Reads files as the producer will, with its own source. */
export class FilesLook {
  readonly #options: FilesLookOptions;
  readonly #s3: Settings;
  readonly #gate: Gate;

  constructor(options: FilesLookOptions, s3: Settings) {
    this.#options = options;
    this.#s3 = s3;
    this.#gate = new Gate({ concurrency: 1, perHost: { concurrency: 1 }, hosts: {} }, options.clock);
  }

  /** Where the files lie, and what kinds of them there are. */
  async groups(path: string): Promise<readonly [string, readonly FileGroup[]]> {
    const config = this.#compile({ path }).config;
    const { files } = await placeOf(config, () => this.#client(config)).list(this.#options.signal);
    const names = files.toSorted((a, b) => b.modified - a.modified).map(({ name }) => name);
    const base = path.endsWith('/**') ? path.slice(0, -3) : path;
    // What a person has written is taken as it is.
    if (base === path) {
      const [newest = path] = names;
      return [
        path,
        names.length === 0 ? [] : [{ name: groupsOf([newest])[0]?.name ?? newest, pattern: '', files: names }],
      ];
    }
    return [base, groupsOf(names)];
  }

  /** The first records, by file. @throws FatalError, RetryableError if they cannot be read */
  async records(settings: Settings): Promise<{
    readonly byFile: readonly (readonly unknown[])[];
    readonly bad: number;
    readonly doubts: readonly string[];
  }> {
    const doubts: string[] = [];
    const source = this.#sourceOf(settings, doubts);
    const byFile = new Map<string, unknown[]>();
    let bad = 0;
    let read = 0;
    for await (const { records, originOf } of source.pages({
      validators: [],
      trial: true,
      attended: true,
      since: undefined,
      signal: this.#options.signal,
    })) {
      const good = records.filter((record) => !(record instanceof Unreadable));
      bad += records.length - good.length;
      read += good.length;
      const file = /^(.*), [^,]*$/.exec(originOf?.(0) ?? '')?.[1] ?? '';
      byFile.set(file, [...(byFile.get(file) ?? []), ...good]);
      if (read >= MOST_RECORDS) break;
    }
    return { byFile: [...byFile.values()].filter((records) => records.length > 0), bad, doubts };
  }

  #sourceOf(settings: Settings, doubts: string[]): FilesSource {
    const endpoint = this.#compile({ ...settings, maxRecordSize: MOST_BYTES, chunk: 1_000 });
    const { clock } = this.#options;
    const place = placeOf(endpoint.config, () => this.#client(endpoint.config));
    return new FilesSource(endpoint, { place, clock, onRetry: () => {}, onDoubt: (doubt) => doubts.push(doubt) });
  }

  #client(config: EndpointOf<'files'>): S3 {
    return new S3(config, {
      gate: this.#gate,
      clock: this.#options.clock,
      random: Math.random,
      onRetry: () => {},
      onDoubt: () => {},
    });
  }

  #compile(settings: Settings): EndpointFrom<'files'> {
    const anything = { dataset: 'any', queue: 'any', key: 'id', fields: { id: 'string' } };
    const endpoint = { source: 'files', ...this.#s3, ...settings, entity: 'any', retries: 1, settle: '0s' };
    const text = stringify({ entities: { any: anything }, endpoints: { discover: endpoint } });
    const [compiled] = compileEndpoints(parsePipeline(text, this.#options.env, 'what was found out'));
    if (compiled === undefined || !isFiles(compiled))
      throw new Error('the settings passed the check without an endpoint');
    return compiled;
  }
}

const isFiles = (endpoint: { readonly config: { readonly source: string } }): endpoint is EndpointFrom<'files'> =>
  endpoint.config.source === 'files';
