import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { publishBarely } from '../bare/publish.js';
import type { Bench } from '../bench.js';
import { emptyAll, freshSink, startService } from '../consumers.js';
import type { Message } from '../messages.js';
import { idsIn, idsOf } from './ids.js';
import type { Peer } from './peers.js';

/** What became of records whose consumer was killed. */
export interface Harm {
  /** Records without a row. */
  readonly lost: number;
  /** Rows that are there once more. */
  readonly doubled: number;
}

/** A consumer that can be ended; it ends with SIGTERM in good order. */
interface Running {
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
}

export const describeHarm = ({ lost, doubled }: Harm): string =>
  `lost ${lost.toLocaleString('en')} and doubled ${doubled.toLocaleString('en')}`;

/** Kills the other consumer so many times while it works on these records, and starts it again each time. */
export async function killPeer(bench: Bench, peer: Peer, messages: readonly Message[], kills: number): Promise<Harm> {
  const [broker, redis] = await Promise.all([bench.servers.broker(), bench.servers.redis()]);
  const [program, ...words] = await peer.command(bench);
  const output = await peer.output(bench);
  const never = String(Number.MAX_SAFE_INTEGER);
  const args = [...words, broker.url, redis.url, broker.queueOf('customer'), never, output.address];
  const start = async (): Promise<Running> => {
    const child = spawn(program, args, { env: bench.environment, stdio: ['ignore', 'ignore', 'inherit'] });
    const ended = once(child, 'exit');
    const end = async (signal: NodeJS.Signals) => {
      child.kill(signal);
      await ended;
    };
    bench.release.add(`peer ${child.pid}`, () => end('SIGKILL'));
    return { end };
  };
  return await harmOf(bench, messages, kills, start, output.ids);
}

/** The same with the consumer of Tributary. */
export async function killOurs(
  bench: Bench,
  type: 'csv' | 'postgres',
  messages: readonly Message[],
  kills: number,
): Promise<Harm> {
  const sink = await freshSink(bench, type);
  const start = () => startService(bench, 'consumer', sink.environment);
  const { POSTGRES_URL: url } = sink.environment;
  const ids = async () => (url === undefined ? idsOfParts(join(sink.folder, 'customers')) : idsOf(url, 'customers'));
  const harm = await harmOf(bench, messages, kills, start, ids);
  sink.remove();
  return harm;
}

const idsOfParts = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.csv'))
    .flatMap((name) => idsIn(join(folder, name)));

async function harmOf(
  bench: Bench,
  messages: readonly Message[],
  kills: number,
  start: () => Promise<Running>,
  ids: () => Promise<string[]>,
): Promise<Harm> {
  const broker = await bench.servers.broker();
  await emptyAll(bench);
  await publishBarely(broker, messages);
  for (let kill = 1; kill <= kills; kill++) {
    const running = await start();
    await untilWaiting(bench, messages.length * (1 - kill / (kills + 1)));
    await running.end('SIGKILL');
  }
  // What the killed ones held comes back only when the broker has noticed that they are gone.
  do {
    const running = await start();
    await untilWaiting(bench, 0);
    await running.end('SIGTERM');
    await sleep(SETTLE, undefined, { signal: bench.signal });
  } while ((await broker.look('customer')).waiting > 0);
  const written = await ids();
  const distinct = new Set(written).size;
  return { lost: messages.length - distinct, doubled: written.length - distinct };
}

/** Milliseconds. */
const CHECK_EVERY = 20;
const SETTLE = 1_000;

/** Resolves when so many messages or fewer wait in the queue: those that a consumer holds do not count. */
async function untilWaiting({ servers, signal }: Bench, most: number): Promise<void> {
  const broker = await servers.broker();
  while ((await broker.look('customer')).waiting > most) await sleep(CHECK_EVERY, undefined, { signal });
}
