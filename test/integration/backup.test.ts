import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type OutputCopies, outputCopies } from '@tributary/consumer';
import {
  BackupFiles,
  createLogger,
  isWhole,
  ReleaseList,
  restoringKey,
  systemClock,
  verifyAuditLog,
} from '@tributary/shared';
import { Redis } from 'ioredis';
import { describe, expect, inject, type TestContext, test, vi } from 'vitest';
import { entriesOf } from '../../consumer/src/sinks/csv/copies-restore.js';
import { readManifest } from '../../tributary/src/backup/manifest.js';
import { keptWhen } from '../../tributary/src/backup/redis-keys.js';
import { beginRestore, restoreBackup } from '../../tributary/src/backup/restore.js';
import { openServers } from '../../tributary/src/backup/stores.js';
import { atShell } from '../../tributary/src/cli/shell/at-shell.js';
import { cli } from '../../tributary/test/cli/support.js';
import { withChannel } from '../end-to-end/support/servers.js';
import { WholePath } from './whole-path.js';

type Stage = Awaited<ReturnType<typeof setUp>>;

/** A pipeline, and the commands as a person gives them. */
async function setUp(sink: 'csv' | 'postgres', { onTestFinished }: Pick<TestContext, 'onTestFinished'>) {
  const path = await WholePath.begin({ sink });
  onTestFinished(() => path.end());
  const folder = mkdtempSync(join(tmpdir(), 'tributary-backup-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'pipeline.yaml');
  writeFileSync(file, path.file);
  const env = {
    PIPELINE: file,
    AMQP_URL: inject('amqpUrl'),
    REDIS_URL: inject('redisUrl'),
    POSTGRES_URL: inject('postgresUrl'),
    AUDIT_LOG: join(folder, 'audit', 'actions.jsonl'),
  };
  const run = (...args: string[]) => cli(args, { env });
  return { path, folder, env, run, backup: join(folder, 'backup') };
}

/** What a person would do who sees that a command failed. */
async function done(answer: ReturnType<Stage['run']>): Promise<string> {
  const { code, stdout, stderr } = await answer;
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

const lettersOf = async ({ run }: Stage): Promise<{ total: number }> =>
  JSON.parse(await done(run('dead-letters', 'list', '--json'))) as { total: number };

const BAD = ['{"sku": 1}', 'no JSON'];

/** Publishes what no consumer can write, as another program does, and waits until each of them has a letter. */
const publishBad = ({ path }: Stage) =>
  withChannel(inject('amqpUrl'), async (channel) => {
    const queue = `${path.name}.item`;
    for (const text of BAD) channel.sendToQueue(queue, Buffer.from(text), { persistent: true });
    const buried = async () => (await channel.checkQueue(`${queue}.dead`)).messageCount;
    await vi.waitFor(async () => expect(await buried()).toBe(BAD.length), 30_000);
    await vi.waitFor(async () => expect((await channel.checkQueue(queue)).messageCount).toBe(0), 30_000);
  });

/** Keys in Redis of which nobody has decided whether a backup keeps them. */
async function keysWithoutFate({ name }: WholePath): Promise<string[]> {
  const redis = new Redis(inject('redisUrl'));
  try {
    return (await redis.keys(`{${name}}:*`)).filter((key) => keptWhen(name, key) === undefined);
  } finally {
    redis.disconnect();
  }
}

/** Where a restore can end: at the words of its steps, and before it notes that all is there. */
const STEPS = [
  'copying the output',
  'putting back the dead letters',
  'putting back how far the endpoints came',
  'the end',
];

/** Restores as the command does, and ends at this step as if the process had been killed. */
async function restoreUntil({ path, env, backup }: Stage, step: string): Promise<void> {
  const manifest = await readManifest(backup);
  const releases = new ReleaseList();
  const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });
  const endAt = (words: string) => {
    if (words === step) throw new Error(`ended at ${step}`);
  };
  try {
    const copies = outputCopies(path.config, env.POSTGRES_URL);
    const { signal } = new AbortController();
    const options = {
      config: path.config,
      manifest,
      files: new BackupFiles(backup, manifest.files),
      servers: await openServers(env, systemClock, log, releases),
      copies: { ...bound(copies), ended: async () => endAt('the end') },
      reaching: {
        config: path.config,
        amqpUrl: env.AMQP_URL,
        auditLog: env.AUDIT_LOG,
        actor: atShell({}),
        log,
        signal,
      },
      replaces: false,
      clock: systemClock,
      signal,
      onStep: endAt,
    };
    await restoreBackup(options, await beginRestore(options));
  } finally {
    await releases.release();
  }
}

const bound = (copies: OutputCopies): OutputCopies => ({
  place: copies.place,
  identity: () => copies.identity(),
  save: (into, signal) => copies.save(into, signal),
  check: (from) => copies.check(from),
  holds: () => copies.holds(),
  restoring: () => copies.restoring(),
  setAside: (name) => copies.setAside(name),
  restore: (from, name, signal) => copies.restore(from, name, signal),
  ended: () => copies.ended(),
});

/** Changes records all the time, until it is told to stop. */
function keepChanging(path: WholePath): () => Promise<void> {
  let isOver = false;
  const changing = (async () => {
    for (let from = 0; !isOver; from = (from + 7) % 200) {
      path.change(5, from);
      await sleep(20);
    }
  })();
  return async () => {
    isOver = true;
    await changing;
  };
}

describe.concurrent('a backup', () => {
  test.for(['csv', 'postgres'] as const)(
    'of a pipeline with the sink %s is made in the middle of traffic, and restored into an empty stack under an API that went on',
    async (sink, context) => {
      const stage = await setUp(sink, context);
      const { path, run, backup } = stage;
      path.change(200);
      await path.start(2);
      await path.settled();
      await publishBad(stage);
      expect(await keysWithoutFate(path)).toEqual([]);
      const stop = keepChanging(path);
      expect(await done(run('backup', backup))).toContain('2 dead letters');
      await stop();
      path.change(30, 190);
      await path.stop();
      await path.loseEverything();
      rmSync(join(stage.folder, 'audit'), { recursive: true });

      expect(await done(run('restore', backup))).toContain('2 dead letters put back');
      path.asked.splice(0);
      await path.start(2);
      await path.settled();
      expect(path.asked[0]).not.toBe('');
      // They come again, and get no second letter.
      await publishBad(stage);
      await path.settled();
      expect((await lettersOf(stage)).total).toBe(2);
      expect(isWhole(await verifyAuditLog(stage.env.AUDIT_LOG))).toBe(true);
      const actions = readFileSync(stage.env.AUDIT_LOG, 'utf8');
      expect(actions).toContain('"action":"backup"');
      expect(actions).toContain('"action":"restore"');
      expect(await path.redisGet('restoring')).toBeNull();
      expect(await path.redisGet('sink-generation')).toBeNull();
    },
  );

  test('is refused where something is there, where services run, and where a file of it was changed', async (context) => {
    const stage = await setUp('csv', context);
    const { path, run, backup } = stage;
    path.change(20);
    await path.start();
    await path.settled();
    const elsewhere = join(stage.folder, 'elsewhere.yaml');
    writeFileSync(elsewhere, path.file.replaceAll(path.directory, `${path.directory}-elsewhere`));
    expect((await run('backup', backup, '--config', elsewhere)).stderr).toContain('holds no output');
    await done(run('backup', backup));
    expect((await run('backup', backup)).stderr).toContain('holds something already');
    expect((await run('restore', backup)).stderr).toContain('stop these first: ');
    await path.stop();
    expect((await run('restore', backup)).stderr).toContain('this is no empty stack');
    expect(await path.redisGet('restoring')).toBeNull();
    const broken = `${backup}-broken`;
    cpSync(backup, broken, { recursive: true });
    const [first = ''] = readdirSync(join(broken, 'redis'));
    writeFileSync(join(broken, 'redis', first), 'something else');
    expect((await run('restore', broken, '--replace')).stderr).toContain('the backup is damaged');
    rmSync(join(broken, 'manifest.json'));
    expect((await run('restore', broken, '--replace')).stderr).toContain('did not come to its end');
    path.change(40);
    expect(await done(run('restore', backup, '--replace'))).toContain('what the output held is in');
    await path.start();
    await path.settled();
  });

  test.for(['csv', 'postgres'] as const)(
    'whose restore into %s ends at any step is restored by one more',
    async (sink, context) => {
      const stage = await setUp(sink, context);
      const { path, run, backup } = stage;
      path.change(30);
      await path.start();
      await path.settled();
      await publishBad(stage);
      await done(run('backup', backup));
      await path.stop();
      await path.loseEverything();
      for (const step of STEPS) await expect(restoreUntil(stage, step)).rejects.toThrow(`ended at ${step}`);
      expect((await run('restore', backup)).stderr).not.toContain('no empty stack');
      expect((await lettersOf(stage)).total).toBe(BAD.length);
      await path.start();
      path.change(5);
      await path.settled();
    },
  );

  test('whose restore has not ended keeps services waiting, which say so, and begin when it has', async (context) => {
    const { path } = await setUp('csv', context);
    const redis = new Redis(inject('redisUrl'));
    context.onTestFinished(() => redis.disconnect());
    await redis.set(restoringKey(path.name), 'a-backup begun');
    path.change(5);
    await path.start();
    await vi.waitFor(() => expect(path.consumers[0]?.problems().join()).toContain('a restore'), 30_000);
    expect(path.asked).toEqual([]);
    expect(await entriesOf(path.directory)).toEqual([]);
    await redis.del(restoringKey(path.name));
    await path.settled();
  });

  test('that died is never taken for one, and gives way to the next', async (context) => {
    const { path, run, backup } = await setUp('csv', context);
    path.change(5);
    await path.start();
    await path.settled();
    cpSync(path.directory, `${backup}.unfinished`, { recursive: true });
    writeFileSync(join(`${backup}.unfinished`, 'being-made'), `999999999 elsewhere`);
    expect((await run('backup', backup)).stderr).toContain('wait for it');
    rmSync(join(`${backup}.unfinished`, 'being-made'));
    await done(run('backup', backup));
    expect(existsSync(`${backup}.unfinished`)).toBe(false);
  });
});
