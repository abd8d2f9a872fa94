import { existsSync, statSync } from 'node:fs';
import { type Environment, FatalError, isS3 } from '@tributary/shared';
import { formatNamed } from '../../sources/files/formats/detect.js';
import { splitGlob } from '../../sources/files/places/glob.js';
import type { Draft, EndpointDraft, EntityDraft } from '../draft.js';
import type { Settings } from '../guess.js';
import { mergesIn } from '../merges.js';
import { unfitness } from '../unfit.js';
import { draftOfGroup } from './file-draft.js';
import { FilesLook, type FilesLookOptions } from './files-look.js';

export interface FilesDraftOptions extends FilesLookOptions {
  /** A file, a folder, a path with `*`, or `s3://bucket/prefix/`. */
  readonly path: string;
  readonly name?: string | undefined;
}

/** Whether a text is the path of files, and no URL. */
export function isFilesPath(text: string): boolean {
  if (isS3(text)) return true;
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(text) || /\s/.test(text.trim())) return existsSync(text);
  return existsSync(text) || (/[*?{]/.test(text) && existsSync(splitGlob(text).base || '.'));
}

/** More kinds of files than that are named, and not looked at. */
const MOST_GROUPS = 12;
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
    const why = typeof drafted === 'string' ? undefined : unfitness(drafted, variablesOf(env));
    if (typeof drafted === 'string') notes.push(drafted);
    else if (why !== undefined) notes.push(`left out: ${group.pattern || place}, since ${why}`);
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

/** What stands for the variables by which S3 is asked. */
const variablesOf = (env: Environment): Record<string, string> =>
  Object.fromEntries(Object.keys(S3_VARIABLES).flatMap((name) => (env[name] ? [[name, env[name]]] : [])));

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
