import { join } from 'node:path';
import { type CopiedFile, FatalError, isMapping, readText } from '@tributary/shared';

/** The number of the form in which a backup is written. A version that does not know it refuses the backup. */
export const BACKUP_FORMAT = 1;

/** Written last: a folder without it is no backup. */
export const MANIFEST = 'manifest.json';

/** Files of a backup beside those of the output. */
export const FILES = {
  pipeline: 'pipeline.yaml',
  before: 'redis/before.ndjson',
  events: 'redis/events.ndjson',
  open: 'redis/open.ndjson',
  after: 'redis/after.ndjson',
  letters: ['letters/first.ndjson', 'letters/last.ndjson'],
  audit: 'audit/actions.jsonl',
  auditHead: 'audit/actions.jsonl.head',
  queries: 'audit/queries.json',
  alerts: 'audit/alerts.json',
} as const;

export interface Manifest {
  readonly format: number;
  /** Names this backup. */
  readonly backup: string;
  readonly pipeline: string;
  /** The version of Tributary that made it. */
  readonly version: string;
  readonly sink: string;
  readonly begunAt: string;
  readonly endedAt: string;
  /** What it holds, in words. */
  readonly output: string;
  readonly deadLetters: number | null;
  /** Records that were on their way from a producer to the output, and are polled again after a restore. */
  readonly onTheirWay: number;
  /** Variables that the pipeline file takes from the environment, such as secrets. Their values are not in the backup. */
  readonly variables: readonly string[];
  /** What is not in it, in sentences. */
  readonly left: readonly string[];
  readonly files: readonly CopiedFile[];
}

/** @throws FatalError if there is no whole backup in this folder, or one of a later version */
export async function readManifest(folder: string): Promise<Manifest> {
  const path = join(folder, MANIFEST);
  const text = await readText(path).catch((cause: NodeJS.ErrnoException) => {
    const isMissing = cause.code === 'ENOENT' || cause.code === 'ENOTDIR';
    const why = isMissing
      ? `${folder} has no ${MANIFEST}: it is no backup, or one that did not come to its end`
      : `${path} cannot be read: ${cause.message}`;
    throw new FatalError('backup_missing', why);
  });
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    found = undefined;
  }
  if (!isMapping(found) || typeof found.format !== 'number' || !Array.isArray(found.files))
    throw new FatalError('backup_damaged', `the backup is damaged: ${path} is no manifest`);
  if (found.format !== BACKUP_FORMAT) {
    const message = `${path} is of format ${found.format}, and this version reads ${BACKUP_FORMAT}: restore with version ${String(found.version)} or a later one`;
    throw new FatalError('backup_format', message);
  }
  if (!isManifest(found)) throw new FatalError('backup_damaged', `the backup is damaged: ${path} lacks something`);
  return found;
}

const TEXTS = [
  'backup',
  'pipeline',
  'version',
  'sink',
  'begunAt',
  'endedAt',
  'output',
] as const satisfies readonly (keyof Manifest)[];

function isManifest(value: object): value is Manifest {
  const found: Partial<Record<keyof Manifest, unknown>> = value;
  return (
    TEXTS.every((name) => typeof found[name] === 'string') &&
    typeof found.onTheirWay === 'number' &&
    [found.variables, found.left].every((all) => Array.isArray(all) && all.every((one) => typeof one === 'string')) &&
    Array.isArray(found.files) &&
    found.files.every(isCopiedFile) &&
    (found.deadLetters === null || typeof found.deadLetters === 'number') &&
    /^[0-9A-Za-z-]+$/.test(String(found.backup))
  );
}

const isCopiedFile = (value: unknown): value is CopiedFile =>
  isMapping(value) &&
  typeof value.path === 'string' &&
  Number.isSafeInteger(value.bytes) &&
  typeof value.sha256 === 'string';
