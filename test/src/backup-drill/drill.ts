import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  describeError,
  type ReleaseList,
  restoringKey,
  type SinkKind,
  systemClock,
  topologyOf,
} from '@tributary/shared';
import { Client } from 'pg';
import { type AuditReport, formatTable } from '../audit/report.js';
import { auditStage } from '../chaos/audit-stage.js';
import { inRunFolder } from '../chaos/folder.js';
import { queueDepths, takeDeadLetters, withChannel } from '../chaos/queues.js';
import { createRandom } from '../chaos/random.js';
import { withRedis } from '../chaos/redis.js';
import { addressesOf } from '../chaos/servers.js';
import { lastPolls, stopInOrder, untilDrained, untilSettled } from '../chaos/settle.js';
import { raiseStage, type Stage, untilReady, workerEnv } from '../chaos/stage.js';
import { until } from '../chaos/until.js';
import { runCommand } from './command.js';

export interface DrillOptions {
  readonly sink: SinkKind;
  readonly seed: number;
  /** How often backup and restore are killed, each. */
  readonly kills: number;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

export interface DrillReport {
  readonly sink: SinkKind;
  readonly seed: number;
  /** Milliseconds of the backup and the restore that came to their end, and the most memory that each took, in MB. */
  readonly backup: readonly [milliseconds: number, megabytes: number];
  readonly restore: readonly [milliseconds: number, megabytes: number];
  readonly killed: { readonly backup: number; readonly restore: number };
  readonly deadLetters: number;
  readonly audit: AuditReport['audit'];
  readonly ok: boolean;
}

/** So few records that two sinks take minutes on a small machine, and so many changes that every moment has its batches. */
const CRM = { MOCK_CUSTOMERS: '300', MOCK_ITEMS: '60', MOCK_CHANGES_PER_SECOND: '25' };

/** Messages that no consumer can write: they are nowhere but in the dead letters. */
const BAD = 25;
/** Milliseconds of traffic before the backup, and behind it. */
const TRAFFIC = 6_000;
/** Milliseconds before which no command is killed: it has not begun. */
const EARLIEST = 500;
const PATIENCE = 90_000;

/**
 * Runs a pipeline while records change, are archived and removed. In the middle of that a backup is made, which is killed a few times before. Then
 * every service is killed, and RabbitMQ, Redis and the output lose everything. The backup is restored, which is killed a few times as well, and the
 * services start. In the end the audit compares what is there with what the API has.
 */
export const runDrill = (options: DrillOptions) =>
  inRunFolder('backup', options, (folder, release) => play(options, folder, release));

async function play(options: DrillOptions, folder: string, release: ReleaseList) {
  const { sink, seed, kills, say, signal } = options;
  const problems: string[] = [];
  const random = createRandom(seed);
  const onDeath = (how: string) => void problems.push(how);
  const raising = {
    folder,
    seed,
    producers: 1,
    consumers: 2,
    sink,
    world: false,
    crm: CRM,
    logLevel: 'info',
    say,
    onDeath,
    signal,
  };
  const stage = await raiseStage(raising, release);
  await fetch(`${stage.api.url}/admin/rates`, { method: 'POST', body: JSON.stringify({ archive: 2, remove: 1 }) });
  await publishBad(stage, signal);
  await systemClock.sleep(TRAFFIC, signal);

  const env = {
    ...workerEnv(addressesOf(stage), stage.pipeline.path, 'error'),
    AUDIT_LOG: join(folder, 'audit', 'actions.jsonl'),
  };
  const backup = join(folder, 'backup');
  const command = (args: readonly string[], killAfter?: number) => runCommand(args, { env, folder, killAfter });
  const killSome = async (name: 'backup' | 'restore', args: readonly string[], expected: number) => {
    let killed = 0;
    for (let kill = 0; kill < kills; kill++) {
      // Spread over the whole command: each attempt comes further than the one before.
      const at = EARLIEST + ((kill + random()) / kills) * (expected - EARLIEST);
      const ended = await command(args, at);
      if (ended.code === null) killed += 1;
      if (ended.code === null) say(`${name} killed after ${Math.round(at)} ms: ${await stateOf(stage, backup)}`);
      else if (ended.code === 0) return { killed, ended };
      else problems.push(`${name} ended with ${ended.code}: ${ended.text}`);
      if (name === 'backup' && existsSync(backup)) problems.push('a backup that was killed has its name');
    }
    return { killed, ended: await command(args) };
  };
  const first = await command(['backup', `${backup}-first`]);
  say(`backup, which takes ${first.milliseconds} ms, killed a few times first`);
  const backedUp = await killSome('backup', ['backup', backup], first.milliseconds);
  if (backedUp.ended.code !== 0) throw new Error(`no backup: ${backedUp.ended.text}`);
  say(backedUp.ended.text.trim());
  await systemClock.sleep(TRAFFIC, signal);

  say('everything is killed, and RabbitMQ, Redis and the output lose everything');
  for (const worker of [...stage.producers, ...stage.consumers]) await worker.kill();
  await loseEverything(stage);
  rmSync(join(folder, 'audit'), { recursive: true });
  const restoring = await killSome('restore', ['restore', backup], backedUp.ended.milliseconds);
  if (restoring.ended.code !== 0) throw new Error(`not restored: ${restoring.ended.text}`);
  say(restoring.ended.text.trim());

  say('the services start again');
  await untilReady([...stage.consumers, ...stage.producers], signal);
  say('they are ready; waiting until all is written');
  const attempt = (step: Promise<void>) => step.catch((error: unknown) => void problems.push(describeError(error)));
  await attempt(lastPolls(stage, signal));
  // What was on its way when the backup was made is found lost, and polled again.
  await attempt(untilSettled(stage, signal, PATIENCE));
  await attempt(lastPolls(stage, signal));
  problems.push(...(await stopInOrder(stage.producers)));
  await attempt(untilDrained(stage.rabbitmq.url, stage.pipeline.config, stage.consumers, signal, PATIENCE));
  problems.push(...(await stopInOrder(stage.consumers)));
  signal.throwIfAborted();
  const judged = await auditStage(stage);
  const letters = await takeDeadLetters(stage.rabbitmq.url, stage.pipeline.config);
  if (letters.length !== BAD) problems.push(`${letters.length} dead letters, and there were ${BAD}`);
  const verified = await command(['audit-log', 'verify']);
  if (verified.code !== 0) problems.push(verified.text);
  const report: DrillReport = {
    sink,
    seed,
    backup: [backedUp.ended.milliseconds, backedUp.ended.megabytes],
    restore: [restoring.ended.milliseconds, restoring.ended.megabytes],
    killed: { backup: backedUp.killed, restore: restoring.killed },
    deadLetters: letters.length,
    audit: judged.audit,
    ok: judged.ok && problems.length === 0,
  };
  return { report, table: formatTable(judged), findings: judged.findings, problems };
}

/** How far a command came that was killed, in words. */
async function stateOf({ redis, pipeline, rabbitmq }: Stage, backup: string): Promise<string> {
  const { name, sink } = pipeline.config;
  const note = await withRedis(redis.url, (client) => client.get(restoringKey(name)));
  const { dead } = await queueDepths(rabbitmq.url, pipeline.config).catch(() => ({ dead: 0 }));
  const words = [
    existsSync(backup) ? 'the backup is whole' : existsSync(`${backup}.unfinished`) && 'a half backup',
    existsSync(join(sink.csv.directory, '.restoring')) && 'a half output',
    note !== null && `Redis says ${note.split(' ')[1]}`,
    dead > 0 && `${dead} dead letters`,
  ];
  return words.filter((word) => word !== false).join(', ') || 'nothing yet';
}

const publishBad = ({ rabbitmq, pipeline }: Stage, signal: AbortSignal): Promise<void> =>
  withChannel(rabbitmq.url, async (channel) => {
    const [{ queue = '', deadQueue = '' } = {}] = topologyOf(pipeline.config).queues;
    for (let n = 0; n < BAD; n++) channel.sendToQueue(queue, Buffer.from(`no JSON ${n}`), { persistent: true });
    const buried = async () => {
      const { messageCount } = await channel.checkQueue(deadQueue);
      return messageCount === BAD ? undefined : `${messageCount} of ${BAD}`;
    };
    await until('all of them are buried', buried, { timeout: PATIENCE, signal });
  });

async function loseEverything({ rabbitmq, redis, postgres, pipeline }: Stage): Promise<void> {
  const { exchange, deadExchange, queues } = topologyOf(pipeline.config);
  await withChannel(rabbitmq.url, async (channel) => {
    for (const { queue, deadQueue } of queues) {
      await channel.deleteQueue(queue);
      await channel.deleteQueue(deadQueue);
    }
    for (const one of [exchange, deadExchange]) await channel.deleteExchange(one);
  });
  await withRedis(redis.url, (client) => client.flushall());
  rmSync(pipeline.config.sink.csv.directory, { recursive: true, force: true });
  if (postgres === undefined) return;
  const client = new Client({ connectionString: postgres.url });
  await client.connect();
  await client.query(`DROP SCHEMA ${pipeline.config.sink.postgres.schema} CASCADE`).finally(() => client.end());
}
