import { existsSync, statSync } from 'node:fs';
import {
  type Clock,
  count,
  type EndpointOf,
  type Environment,
  FatalError,
  isMapping,
  parsePipeline,
} from '@tributary/shared';
import { stringify } from 'yaml';
import { compileEndpoints, type EndpointFrom } from '../../endpoint.js';
import { FilesSource } from '../../sources/files/files.js';
import { formatNamed } from '../../sources/files/formats/detect.js';
import { splitGlob } from '../../sources/files/places/glob.js';
import { placeOf } from '../../sources/files/places/kinds.js';
import { isS3, S3 } from '../../sources/files/places/s3-client.js';
import { Gate } from '../../sources/gate.js';
import { Unreadable } from '../../sources/port.js';
import type { Draft, EndpointDraft, EntityDraft, Remark } from '../draft.js';
import type { Settings } from '../guess.js';
import { mergesIn } from '../merges.js';
import { namesOf } from '../names.js';
import { refuseForeignIn, refuseUnwanted } from '../placeholders.js';
import { deletedWhen } from '../records/deleted.js';
import { entityDraft, type Understood, understand } from '../records/entity.js';
import { placesIn } from '../records/places.js';
import { type FileGroup, groupsOf } from './file-groups.js';

export interface FilesDraftOptions {
  /** A file, a folder, a path with `*`, or `s3://bucket/prefix/`. */
  readonly path: string;
  readonly name?: string | undefined;
  /** `AWS_ACCESS_KEY_ID` and others, for S3. */
  readonly env: Environment;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Whether a text is the path of files, and no URL. */
export function isFilesPath(text: string): boolean {
  if (isS3(text)) return true;
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(text) || /\s/.test(text.trim())) return existsSync(text);
  return existsSync(text) || (/[*?{]/.test(text) && existsSync(splitGlob(text).base || '.'));
}

/** More kinds of files than that are named, and not looked at. */
const MOST_GROUPS = 12;
const MOST_RECORDS = 2_000;
/** Of one record, while nothing is known of the files: a JSON document whose list is deep inside is read as one. */
const MOST_BYTES = 64 * 1024 * 1024;

/**
 * An endpoint and an entity for each kind of files in a place: those whose names differ in days and numbers only.
 * @throws FatalError if there are none that can be read, or none with records
 */
export async function draftOfFiles(options: FilesDraftOptions): Promise<Draft> {
  const { path, env, name } = options;
  const s3 = isS3(path) ? s3Settings(env) : {};
  const look = new FilesLook(options, s3);
  const [place, groups] = await look.groups(placeIn(path));
  if (groups.length === 0) {
    throw new FatalError('files_none', `there are no CSV, JSON, NDJSON or Parquet files in ${place}, packed or not`);
  }
  const entities: EntityDraft[] = [];
  const endpoints: EndpointDraft[] = [];
  const notes: string[] = [];
  for (const group of groups.slice(0, MOST_GROUPS)) {
    const drafted = await draftOfGroup(group, place, groups.length === 1 ? name : undefined, look, s3);
    if (typeof drafted === 'string') notes.push(drafted);
    else if (entities.some((one) => one.name === drafted.entity.name))
      notes.push(`left out: ${group.pattern}, whose records are called like those of other files; give its path alone`);
    else {
      entities.push(drafted.entity);
      endpoints.push(drafted.endpoint);
    }
  }
  if (endpoints.length === 0)
    throw new FatalError('records_none', `no records can be read in ${place}: ${notes.join('. ')}`);
  const left = groups.slice(MOST_GROUPS).map(({ pattern }) => pattern);
  refuseForeignIn(entities);
  for (const { settings } of endpoints) refuseUnwanted(settings, new Set(Object.keys(S3_VARIABLES)));
  return {
    title: place,
    entities,
    endpoints,
    notes: [
      ...notes,
      ...(left.length === 0 ? [] : [`not looked at: ${left.join(', ')}; give the path of one`]),
      ...mergesIn(entities),
    ],
    secrets: {},
  };
}

const S3_VARIABLES = {
  AWS_ACCESS_KEY_ID: 'accessKey',
  AWS_SECRET_ACCESS_KEY: 'secretKey',
  AWS_SESSION_TOKEN: 'sessionToken',
  AWS_REGION: 'region',
  AWS_ENDPOINT_URL: 'endpoint',
} as const;

/** How S3 is asked: by the variables that its tools take too. */
function s3Settings(env: Environment): Settings {
  const given = Object.entries(S3_VARIABLES).filter(([variable]) => (env[variable] ?? '') !== '');
  const s3 = Object.fromEntries(given.map(([variable, setting]) => [setting, `\${${variable}}`]));
  return Object.keys(s3).length === 0 ? {} : { s3 };
}

/** A folder is everything in it. */
function placeIn(path: string): string {
  const isFolder = isS3(path)
    ? !/[*?{]/.test(path) && formatNamed(path) === undefined
    : existsSync(path) && statSync(path).isDirectory();
  return isFolder ? `${path.replace(/\/+$/, '')}/**` : path;
}

/** Reads files as the producer will, with its own source. */
class FilesLook {
  readonly #options: FilesDraftOptions;
  readonly #s3: Settings;
  readonly #gate: Gate;

  constructor(options: FilesDraftOptions, s3: Settings) {
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

async function draftOfGroup(
  { name: stem, pattern, files }: FileGroup,
  place: string,
  wanted: string | undefined,
  look: FilesLook,
  s3: Settings,
): Promise<{ readonly entity: EntityDraft; readonly endpoint: EndpointDraft } | string> {
  const path = pattern === '' ? place : `${place}/${pattern}`;
  const placed: Settings = { path };
  // The name of a file could hold what is filled from the environment.
  refuseUnwanted(placed, new Set());
  const shown = `${count(files.length, 'file')}${files.length === 1 ? '' : `, such as ${files[0]}`}`;
  let found: Awaited<ReturnType<FilesLook['records']>>;
  let items: Settings = {};
  try {
    found = await look.records(placed);
    items = itemsIn(found.byFile);
    if (items.items !== undefined) found = await look.records({ ...placed, ...items });
  } catch (error) {
    if (!(error instanceof FatalError)) throw error;
    return `left out: ${path}, ${error.message}`;
  }
  const { byFile, bad, doubts } = found;
  const records = byFile.flat();
  if (records.length === 0) return `left out: ${path}, ${doubts[0] ?? 'no record could be read'}`;
  const own = namesOf(`/${stem.replace(/[?#/]/g, '_')}`, wanted, undefined);
  const isText = formatNamed(files[0] ?? path) === 'csv';
  const options = { isText, isSingle: false, names: own, since: undefined };
  const all = understand(records, options);
  // Each file may hold everything there is, or all that is new: a key comes again in the next.
  const one = byFile.length > 1 && all?.key.isSure !== true ? understand(byFile[0] ?? [], options) : undefined;
  // Lines that are the same are not one, unless something is called like their key.
  const told = all?.key.isSure === false && all.count < records.length ? undefined : all;
  const whole = all ?? one;
  const understood = one?.key.isSure === true && whole !== undefined ? { ...whole, key: keyOf(one, whole) } : told;
  const shownRecords = understood === undefined ? byFile.flatMap(numbered) : records;
  const keyed = understood ?? lineKeyed(shownRecords, options);
  if (keyed === undefined) return `left out: ${path}, nothing tells its records apart`;
  const entity = entityDraft(keyed, own, keyed.version?.value.isOfCreation === false);
  const deleted = deletedWhen(keyed.columns);
  const said = `${shown}; looked at ${count(records.length, 'record')}${bad === 0 ? '' : `, and ${bad} that cannot be read`}`;
  const remarks: Record<string, Remark> = {
    path: { text: [said, ...doubts.slice(0, 2)].join('; '), isSure: bad === 0 && doubts.length === 0 },
    ...(deleted === undefined ? {} : { deletes: { text: deleted.reason, isSure: deleted.isSure } }),
  };
  const settings: Settings = {
    source: 'files',
    path,
    ...items,
    ...s3,
    ...(deleted === undefined ? {} : { deletes: { when: deleted.value } }),
  };
  return { entity, endpoint: { id: own.endpoint, entity: own.entity, settings, remarks, records: shownRecords } };
}

/** The key that each file alone tells, in the columns of all of them. */
function keyOf(one: Understood, all: Understood): Understood['key'] {
  const names = one.key.value.map(({ name }) => name);
  const value = all.columns.filter(({ name }) => names.includes(name));
  return { value, reason: `unique in each file; in the next file a key comes again`, isSure: true };
}

const numbered = (records: readonly unknown[], file: number): unknown[] =>
  records.map((record, index) => ({
    ...(isMapping(record) ? record : {}),
    $file: `file ${file + 1}`,
    $line: index + 1,
  }));

/** Records that nothing tells apart are known by their files and lines. */
function lineKeyed(records: readonly unknown[], options: Parameters<typeof understand>[1]): Understood | undefined {
  const found = understand(records, options);
  if (found === undefined) return undefined;
  const value = found.columns.filter(({ path }) => ['$.$file', '$.$line'].includes(path));
  const reason = 'nothing tells the records apart but the file and the line that they stand in';
  return { ...found, key: { value, reason, isSure: false } };
}

/** Where a JSON document that is one object holds its records. */
function itemsIn(byFile: readonly (readonly unknown[])[]): Settings {
  const [first] = byFile;
  const [document] = first ?? [];
  if (first?.length !== 1 || !isMapping(document)) return {};
  const place = placesIn(document, '').find(
    ({ as, items, more }) => as === 'list' && !/\[/.test(items) && Object.keys(more).length === 0,
  );
  const [best] = placesIn(document, '');
  return place === undefined || best?.as === 'single' ? {} : { items: place.items };
}
