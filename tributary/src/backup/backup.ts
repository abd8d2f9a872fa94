import { readFile } from 'node:fs/promises';
import type { OutputCopies } from '@tributary/consumer';
import type { Reaching } from '@tributary/dashboard';
import {
  type BackupFolder,
  type Clock,
  FatalError,
  ledgerEpochKey,
  type PipelineConfig,
  type Redis,
  readEpoch,
  redisPublications,
  topologyOf,
} from '@tributary/shared';
import { copyAuditLog } from './audit.js';
import { drain } from './drain.js';
import { type LookAtLetters, linesOfLetters } from './letters.js';
import { FILES, type Manifest } from './manifest.js';
import { readProgress, writeOpen, writeProgress } from './progress.js';
import { linesOfKeys } from './redis-copy.js';
import { keysToKeep } from './redis-keep.js';
import type { Servers } from './stores.js';

export interface BackupOptions {
  readonly config: PipelineConfig;
  /** The pipeline file. */
  readonly file: string;
  readonly auditLog: string;
  readonly servers: Servers;
  readonly copies: OutputCopies;
  readonly reaching: Reaching;
  readonly into: BackupFolder;
  /** Milliseconds to wait for what is on its way. */
  readonly patience: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Called with what is done now. */
  readonly onStep: (words: string) => void;
}

/** What a backup holds. */
export type Contents = Pick<Manifest, 'output' | 'deadLetters' | 'onTheirWay' | 'variables' | 'left'>;

/**
 * Copies all that a pipeline is, while it runs. What makes the copies fit each other is their order:
 *
 * 1. How far the endpoints came. All that they brought by then was confirmed by RabbitMQ, and is noted as open until it is settled.
 * 2. The dead letters, and then a wait until what is in the queues now is written, or buried; and the letters once more.
 * 3. What is still open of the notes of step 1. A restored producer takes that for lost, and polls it again.
 * 4. The output: so it holds all that is settled by then.
 * 5. Which keys the endpoints brought: all that the output holds.
 *
 * So what the output lacks is polled again, from a place that is not later than the output, and the repeats are dropped.
 */
export async function makeBackup(options: BackupOptions): Promise<Contents> {
  const { config, servers, copies, into, signal, onStep } = options;
  const { redis } = servers;
  const left: string[] = [];
  if (redis !== undefined) await checkOutput(redis, config, copies);
  onStep('reading how far the endpoints came');
  const progress = redis === undefined ? undefined : await readProgress(redis, config);
  const letters = await copyLettersTwice(options, left);
  const onTheirWay = redis === undefined || progress === undefined ? 0 : await writeOpen(redis, config, progress, into);
  onStep('copying the output');
  const output = await copies.save(into, signal);
  left.push(...output.left);
  if (redis === undefined || progress === undefined) left.push(NO_REDIS);
  else {
    onStep('copying the keys of the endpoints');
    await into.add(FILES.after, linesOfKeys(redis, config.name, await keysToKeep(redis, config, 'after')));
    left.push(...(await writeProgress(redis, config, progress, into)));
  }
  left.push(...(await copyAuditLog(into, options.auditLog, config.name)));
  const text = await readFile(options.file, 'utf8');
  await into.add(FILES.pipeline, text);
  const variables = new Set([...text.matchAll(/\$\{([A-Za-z_][A-Za-z0-9_]*)/g)].map(([, name = '']) => name));
  return { output: output.amount, deadLetters: letters, onTheirWay, variables: [...variables], left };
}

const NO_REDIS =
  'REDIS_URL is not set: how far the endpoints came is not in it, nor which keys they brought: everything is polled again, and what the source deletes until then is not noticed';
const NO_BROKER = 'AMQP_URL is not set: dead letters are not in it';

/** @throws FatalError if the consumers write to another output than the one at hand: the command may run on another machine, or in another folder */
async function checkOutput(redis: Redis, { name }: PipelineConfig, copies: OutputCopies): Promise<void> {
  const { epoch } = readEpoch(await redis.get(ledgerEpochKey(name)));
  const id = await copies.identity();
  if (epoch === null || (id !== undefined && epoch.startsWith(`${id}.`))) return;
  throw new FatalError(
    'other_output',
    `${copies.place} ${id === undefined ? 'holds no output' : 'is another output than the one that the consumers write to'}: run the command where the consumers run, with their settings`,
  );
}

/** @returns how many there are; null if nobody looked */
async function copyLettersTwice(options: BackupOptions, left: string[]): Promise<number | null> {
  const { config, servers, reaching, into, clock, signal, patience, onStep } = options;
  const { redis, depths } = servers;
  if (depths === undefined) {
    left.push(NO_BROKER);
    return null;
  }
  const { copyLetters } = await import('@tributary/dashboard');
  const look: LookAtLetters = (visit, over) =>
    copyLetters(visit, { ...reaching, signal: AbortSignal.any([reaching.signal, over]) });
  const seen = new Set<string>();
  onStep('copying the dead letters');
  await into.add(FILES.letters[0], linesOfLetters(look, seen));
  if (redis !== undefined) {
    onStep('waiting until what is in the queues is written');
    const queues = topologyOf(config).queues.map(({ queue }) => queue);
    const publications = redisPublications(redis, config.name);
    const waiting = await drain({ publications, depths, queues, clock, signal, patience });
    left.push(
      ...waiting.map((words) => `${words} were still on their way: what other programs published of them is not in it`),
    );
  }
  signal.throwIfAborted();
  await into.add(FILES.letters[1], linesOfLetters(look, seen));
  return seen.size;
}
