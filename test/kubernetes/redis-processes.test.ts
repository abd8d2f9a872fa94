import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { findOrInstall } from '../services/apt.js';
import { onPath, searchPath } from '../services/binaries.js';
import { sayOnConsole } from '../services/handle.js';
import { type Reaper, startReaper } from '../services/reaper.js';
import { FOLDER } from './support/manifests.js';

const PASSWORD = 'a-password';
const folder = mkdtempSync(join(tmpdir(), 'tributary-redis-processes-'));
/** Pods: three addresses of this machine, on which the usual ports are nobody's. The second and third numbers are this process's own. */
const PODS = [1, 2, 3].map((pod) => `127.${(process.pid >> 8) & 127 || 77}.${process.pid & 255}.${pod}`);
const [FIRST = '', SECOND = '', THIRD = ''] = PODS;

interface Running {
  readonly reaper: Reaper;
  said: string;
}
const running = new Map<string, Running>();
const clients: Redis[] = [];

beforeAll(async () => {
  const server = await findOrInstall(() => onPath('redis-server'), ['redis-server'], sayOnConsole);
  // A pod has an address of its own; here each says which is its.
  writeFileSync(join(folder, 'redis-server'), `#!/bin/sh\nexec ${server} "$@" --bind "$SELF"\n`, { mode: 0o755 });
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect();
  await Promise.all([...running.keys()].map(kill));
  for (const pod of PODS) rmSync(join(folder, pod), { recursive: true, force: true });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Starts the container of a pod, by the script of the manifests. */
function start(kind: 'redis' | 'sentinel', pod: string): Running {
  const data = join(folder, pod);
  mkdirSync(data, { recursive: true });
  const env = {
    PATH: `${folder}:${searchPath}`,
    REDIS_PASSWORD: PASSWORD,
    SELF: pod,
    REDISES: PODS.join(' '),
    FIRST_MASTER: FIRST,
    DATA: data,
    CONFIG: join(data, 'redis.conf'),
    MAXMEMORY: '64mb',
  };
  const child = spawn('sh', [join(FOLDER, 'components/redis-sentinel', `start-${kind}.sh`)], {
    env,
    stdio: 'pipe',
    detached: true,
  });
  const reaper = startReaper(join(folder, `of ${kind} ${pod}`));
  reaper.watch(child.pid);
  const one: Running = { reaper, said: '' };
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      one.said += text;
    });
  }
  running.set(`${kind} ${pod}`, one);
  return one;
}

async function kill(name: string): Promise<void> {
  await running.get(name)?.reaper.release();
  running.delete(name);
}

function clientOf(pod: string, port = 6379): Redis {
  const client = new Redis({ host: pod, port, password: PASSWORD, retryStrategy: () => 100, maxRetriesPerRequest: 0 });
  client.on('error', () => {});
  clients.push(client);
  return client;
}

const soon = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 60_000, interval: 100 });
/** Some twenty processes take turns, and an election that ends in a draw is repeated after twice FAILOVER_TIMEOUT. Milliseconds. */
const TEST_TIMEOUT = 240_000;
const FAILOVER_TIMEOUT = 10_000;
/** Milliseconds after which a master counts as dead: at once, or not though a busy machine lets it wait. */
const [QUICK, PATIENT] = [1_000, 60_000];

const roleOf = async (client: Redis) => (await client.role())[0];

async function startSentinels(pods: readonly string[]): Promise<void> {
  for (const pod of pods) start('sentinel', pod);
  await takeForDead(pods, PATIENT);
  for (const pod of pods)
    await clientOf(pod, 26_379).call('SENTINEL', 'SET', 'tributary', 'failover-timeout', String(FAILOVER_TIMEOUT));
}

/** @param after milliseconds after which those Sentinels take a master for dead */
async function takeForDead(pods: readonly string[], after: number): Promise<void> {
  for (const pod of pods) {
    const client = clientOf(pod, 26_379);
    await soon(() => client.call('SENTINEL', 'SET', 'tributary', 'down-after-milliseconds', String(after)));
  }
}

/** The address of the master in a Sentinel's own notes. */
async function addressIn(sentinel: Redis): Promise<unknown> {
  const notes = (await sentinel.call('SENTINEL', 'MASTER', 'tributary')) as string[];
  return notes[notes.indexOf('ip') + 1];
}

/** Two replicas follow that master, and all Sentinels know all others. */
async function whole(master: Redis): Promise<void> {
  await soon(async () => expect(await master.info('replication')).toContain('min_slaves_good_slaves:2'));
  for (const pod of PODS) {
    const sentinel = clientOf(pod, 26_379);
    for (const others of ['SENTINELS', 'REPLICAS'])
      await soon(async () => expect(await sentinel.call('SENTINEL', others, 'tributary')).toHaveLength(2));
  }
}

test('three Redis wait for the Sentinels at the first start, and one that comes back with nothing follows whom the majority names, though its own Sentinel names itself', {
  timeout: TEST_TIMEOUT,
}, async () => {
  const redises = PODS.map((pod) => start('redis', pod));
  await soon(() => expect(redises.every(({ said }) => said.includes('no majority of the Sentinels'))).toBe(true));
  await startSentinels(PODS);
  const first = clientOf(FIRST);
  await soon(async () => expect(await roleOf(first)).toBe('master'));
  await soon(() => first.set('written', 'to the first'));
  for (const replica of [clientOf(SECOND), clientOf(THIRD)])
    await soon(async () => expect(await roleOf(replica)).toBe('slave'));
  await whole(first);

  // Its node is gone, with the volume.
  await takeForDead(PODS, QUICK);
  await kill(`redis ${FIRST}`);
  await kill(`sentinel ${FIRST}`);
  rmSync(join(folder, FIRST), { recursive: true });
  const others = [clientOf(SECOND), clientOf(THIRD)];
  await soon(async () => expect(await Promise.all(others.map(roleOf))).toContain('master'));
  const [second] = others;
  const sentinels = [clientOf(SECOND, 26_379), clientOf(THIRD, 26_379)];
  const master = second !== undefined && (await roleOf(second)) === 'master' ? SECOND : THIRD;
  // They name it before their failover is complete; one that is reset before would forget it.
  for (const sentinel of sentinels) await soon(async () => expect(await addressIn(sentinel)).toBe(master));
  await takeForDead([SECOND, THIRD], PATIENT);

  // It knows nobody but the first, which is dead. The others would tell it better if they remembered where it was.
  for (const sentinel of sentinels) await sentinel.call('SENTINEL', 'RESET', 'tributary');
  start('sentinel', FIRST);
  const stale = clientOf(FIRST, 26_379);
  await soon(async () =>
    expect(await stale.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'tributary')).toEqual([FIRST, '6379']),
  );
  const again = start('redis', FIRST);
  const back = clientOf(FIRST);
  await soon(async () => expect(await back.role()).toEqual(['slave', master, 6379, 'connected', expect.any(Number)]));
  expect(again.said).toContain(`the master is ${master}`);
  expect(await back.get('written')).toBe('to the first');
});

test('a Redis does not start by the word of one Sentinel that is alone, and takes no writes that no replica hears', {
  timeout: TEST_TIMEOUT,
}, async () => {
  await startSentinels([SECOND]);
  const alone = start('redis', FIRST);
  await soon(() => expect(alone.said.match(/no majority of the Sentinels/g)?.length).toBeGreaterThan(1));
  await startSentinels([THIRD]);
  const first = clientOf(FIRST);
  await soon(async () => expect(await roleOf(first)).toBe('master'));
  await expect(first.set('written', 'to nobody else')).rejects.toThrow('NOREPLICAS');
  start('redis', SECOND);
  await soon(() => first.set('written', 'to two'));
});
