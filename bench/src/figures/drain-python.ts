import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describeError } from '@tributary/shared';
import { findOrInstall } from '@tributary/test/services';
import { publishBarely } from '../bare/publish.js';
import { type Bench, sizeOf, warmUpOf } from '../bench.js';
import { emptyAll } from '../consumers.js';
import { drainByConsumers } from '../drain.js';
import { type Figure, LeftOut } from '../figure.js';
import { interleave } from '../interleave.js';
import { customerMessages, type Message } from '../messages.js';

const PEER = fileURLToPath(new URL('../../peers/consumer.py', import.meta.url));

/** Debian's Python has Debian's packages; the one on the PATH may be another. */
const PYTHONS = ['python3', '/usr/bin/python3'];
const PACKAGES = ['python3-pika', 'python3-redis'];

export const drainPython: Figure = {
  name: 'drain.python',
  unit: 'records/s',
  sentence: 'One consumer to CSV as in drain.csv, compared with a typical Python consumer (a peer, not a limit).',
  async measure(bench) {
    const { records, rounds } = sizeOf(bench, {
      quick: { records: 6_000, rounds: 1 },
      full: { records: 50_000, rounds: 3 },
    });
    const python = await findPython(bench);
    const messages = customerMessages({ count: records });
    return await interleave(bench, 'drain.python', rounds, {
      async ours() {
        const { perSecond } = await drainByConsumers(bench, {
          sink: 'csv',
          messages,
          rows: { customers: records },
          consumers: 1,
          warmUp: warmUpOf(records),
        });
        return perSecond;
      },
      limit: () => drainByPython(bench, python, messages),
    });
  },
};

async function drainByPython(bench: Bench, python: string, messages: readonly Message[]): Promise<number> {
  const [broker, redis] = await Promise.all([bench.servers.broker(), bench.servers.redis()]);
  await emptyAll(bench);
  await publishBarely(broker, messages);
  const output = join(bench.folder, 'peer.csv');
  const args = [PEER, broker.url, redis.url, broker.queueOf('customer'), String(messages.length), output];
  const { stdout } = await promisify(execFile)(python, args, { env: bench.environment, signal: bench.signal });
  return messages.length / Number(stdout);
}

/** @throws LeftOut if there is no Python with both libraries, and they cannot be installed */
async function findPython(bench: Bench): Promise<string> {
  const find = () => PYTHONS.find(hasLibraries);
  const found = find();
  if (found !== undefined) return found;
  if (bench.quick) throw new LeftOut('no Python on this machine has pika and redis, and a quick run installs nothing');
  try {
    return await findOrInstall(find, PACKAGES, bench.say);
  } catch (error) {
    throw new LeftOut(describeError(error));
  }
}

function hasLibraries(python: string): boolean {
  try {
    execFileSync(python, ['-c', 'import pika, redis'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
