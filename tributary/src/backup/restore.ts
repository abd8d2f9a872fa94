import type { OutputCopies } from '@tributary/consumer';
import type { CopiedLetter, Reaching } from '@tributary/dashboard';
import {
  type BackupFiles,
  type Clock,
  count,
  DEAD_LETTER_HEADERS,
  FatalError,
  jsonLines,
  livingServices,
  type PipelineConfig,
  type Redis,
  readBytes,
  redisPrefix,
  restoringKey,
  topologyOf,
} from '@tributary/shared';
import { FILES, type Manifest } from './manifest.js';
import { type CopiedKey, keysOf, putKey } from './redis-copy.js';
import { keptWhen } from './redis-keys.js';
import type { Servers } from './stores.js';

export interface RestoreOptions {
  readonly config: PipelineConfig;
  readonly manifest: Manifest;
  readonly files: BackupFiles;
  readonly servers: Servers;
  readonly copies: OutputCopies;
  readonly reaching: Reaching;
  /** Whether what is there is put out of the way. */
  readonly replaces: boolean;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onStep: (words: string) => void;
}

/** How far a restore is, beside the name of its backup in Redis. */
type Stage = 'begun' | 'filled';

/** Milliseconds within which a service that began right before it is noted that a restore has begun says that it runs. */
const ANNOUNCED = 1_000;

/** What a stack is like before a restore. */
export interface Readiness {
  /** How far an earlier attempt came; undefined if this is the first. */
  readonly stage: Stage | undefined;
  /** Whether the output holds something that has to be put out of the way. */
  readonly holds: boolean;
  /** Whether messages lie in the queues. */
  readonly waiting: boolean;
}

/**
 * Looks whether a backup can be put back here, and notes in Redis that this has begun: services that start from now on wait.
 * @throws FatalError if services run, or something is there already that may not be put out of the way; nothing is changed then
 */
export async function beginRestore(options: RestoreOptions): Promise<Readiness> {
  const { servers, copies, manifest, files } = options;
  const { redis } = servers;
  copies.check(files);
  const stage = redis === undefined ? undefined : await beginInRedis(options, redis);
  if (stage === 'filled' || (await copies.restoring()) === manifest.backup)
    return { stage, holds: false, waiting: false };
  try {
    return { stage, ...(await lookAtStack(options, stage)) };
  } catch (error) {
    if (stage === undefined) await redis?.del(restoringKey(options.config.name));
    throw error;
  }
}

/**
 * Puts a backup back. Each step may be done twice, so a restore that died is done by calling it again:
 *
 * 1. The output. It says that a restore has begun, as Redis does since {@link beginRestore}.
 * 2. The dead letters, but for those that lie there already.
 * 3. How far the endpoints came, in the place of all that Redis holds of the pipeline.
 * 4. Output and Redis say no more that a restore has begun; Redis last.
 *
 * @returns what was done, in sentences
 */
export async function restoreBackup(options: RestoreOptions, { stage, holds, waiting }: Readiness): Promise<string[]> {
  const { manifest, servers, copies, signal, onStep, files, config } = options;
  const { redis } = servers;
  const told: string[] = [];
  if (holds)
    told.push(
      `what the output held is in ${await copies.setAside(asideName(manifest))} now: remove it when you do not need it any more`,
    );
  if (waiting) told.push('messages that lie in the queues stay there, and are written when a consumer runs');
  if (stage !== 'filled') {
    onStep('copying the output');
    await copies.restore(files, manifest.backup, signal);
    const letters = await putLetters(options);
    if (letters !== undefined) told.push(`${count(letters.put, 'dead letter')} put back`);
    if (letters !== undefined && letters.homeless > 0)
      told.push(
        `${count(letters.homeless, 'dead letter')} of queues that the pipeline file does not have: they stay in the backup`,
      );
    if (redis !== undefined) {
      onStep('putting back how far the endpoints came');
      await fillRedis(redis, config.name, files);
      if (letters !== undefined) await noteLetters(redis, config.name, files);
      await redis.set(restoringKey(config.name), noteOf(manifest, 'filled'));
    }
  }
  await copies.ended();
  await redis?.del(restoringKey(config.name));
  return [`the output is in ${copies.place}: ${manifest.output}`, ...told];
}

const noteOf = ({ backup }: Manifest, stage: Stage): string => `${backup} ${stage}`;

/** @returns how far an earlier attempt came; undefined if this is the first */
async function beginInRedis(
  { config, manifest, replaces, clock, signal }: RestoreOptions,
  redis: Redis,
): Promise<Stage | undefined> {
  const key = restoringKey(config.name);
  const before = await redis.get(key);
  const [backup, stage] = before?.split(' ') ?? [];
  if (before !== null && backup !== manifest.backup && !replaces) {
    throw new FatalError(
      'restore_under_way',
      `a restore of another backup (${backup}) has begun and not ended: end it first, or give --replace`,
    );
  }
  const isSame = backup === manifest.backup;
  if (!isSame) await redis.set(key, noteOf(manifest, 'begun'));
  // One that began right before may not have said so yet.
  await clock.sleep(ANNOUNCED, signal);
  const living = await livingServices(redis, config.name);
  if (living.length === 0) return isSame ? (stage as Stage) : undefined;
  if (before === null) await redis.del(key);
  throw new FatalError('services_running', `stop these first: ${living.join(', ')}; nothing was done`);
}

/** @throws FatalError if something is there, unless it may be put out of the way */
async function lookAtStack({ config, servers, copies, replaces }: RestoreOptions, stage: Stage | undefined) {
  const { redis, depths } = servers;
  const found: string[] = [];
  const holds = await copies.holds();
  if (holds !== undefined) found.push(holds);
  const keys = redis === undefined || stage !== undefined ? 0 : await countKeys(redis, config.name);
  if (keys > 0) found.push(`Redis holds ${count(keys, 'key')} of the pipeline`);
  const queues = topologyOf(config).queues.flatMap(({ queue, deadQueue }) => [queue, deadQueue]);
  const waiting = [...((await depths?.look(queues)) ?? [])].filter(([, { ready }]) => ready > 0);
  for (const [queue, { ready }] of waiting) found.push(`queue ${queue} holds ${count(ready, 'message')}`);
  if (found.length > 0 && !replaces) {
    const message = `this is no empty stack: ${found.join('; ')}. Give --replace to put the output that is there out of the way and go on; nothing was done`;
    throw new FatalError('stack_not_empty', message);
  }
  return { holds: holds !== undefined, waiting: waiting.length > 0 };
}

/** Of this restore, and in the form of a name of any output. */
const asideName = ({ backup }: Manifest): string => backup.replaceAll(/[^0-9a-z]/gi, '');

/** Those that a restore would replace. */
async function countKeys(redis: Redis, pipeline: string): Promise<number> {
  let found = 0;
  for await (const key of keysOf(redis, pipeline)) {
    const when = keptWhen(pipeline, key);
    if (when !== 'left' && when !== undefined) found += 1;
  }
  return found;
}

/** @returns undefined without RabbitMQ */
async function putLetters({ servers, files, reaching, onStep }: RestoreOptions) {
  if (servers.depths === undefined || FILES.letters.every((path) => !files.has(path))) return undefined;
  onStep('putting back the dead letters');
  const { putLettersBack } = await import('@tributary/dashboard');
  return await putLettersBack(lettersIn(files), reaching);
}

async function* lettersIn(files: BackupFiles): AsyncGenerator<CopiedLetter, void, undefined> {
  for (const path of FILES.letters) {
    if (!files.has(path)) continue;
    for await (const line of jsonLines<Omit<CopiedLetter, 'content'> & { readonly content: unknown }>(files.read(path)))
      yield { ...line, properties: revived(line.properties), content: readBytes(line.content) };
  }
}

/** A bad record that comes again, with the next poll of everything, gets no second letter. */
async function noteLetters(redis: Redis, pipeline: string, files: BackupFiles): Promise<void> {
  const { noteBuried } = await import('@tributary/consumer');
  for await (const { queue, properties, content } of lettersIn(files)) {
    const { [DEAD_LETTER_HEADERS.code]: code, [DEAD_LETTER_HEADERS.reason]: reason } = properties.headers ?? {};
    await noteBuried(redis, pipeline, { queue, code: String(code), reason: String(reason), content });
  }
}

/** Bytes in headers are written by JSON as their numbers. */
const revived = (properties: CopiedLetter['properties']): CopiedLetter['properties'] =>
  JSON.parse(JSON.stringify(properties), (_name, value) => {
    const isBytes = value !== null && typeof value === 'object' && value.type === 'Buffer' && Array.isArray(value.data);
    return isBytes ? Buffer.from(value.data) : value;
  });

/** All that is known of the pipeline goes: a ledger of another output, and leases of services that have stopped. Tokens are true of any output. */
async function fillRedis(redis: Redis, pipeline: string, files: BackupFiles): Promise<void> {
  const kept = new Set([restoringKey(pipeline), `${redisPrefix(pipeline)}tokens`]);
  for await (const key of keysOf(redis, pipeline)) if (!kept.has(key)) await redis.unlink(key);
  for (const path of [FILES.before, FILES.events, FILES.open, FILES.after]) {
    if (!files.has(path)) continue;
    for await (const line of jsonLines<CopiedKey>(files.read(path))) await putKey(redis, pipeline, line);
  }
}
