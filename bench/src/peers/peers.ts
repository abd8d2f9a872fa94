import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeError } from '@tributary/shared';
import { findOrInstall } from '@tributary/test/services';
import type { Bench } from '../bench.js';
import { LeftOut } from '../figure.js';
import { idsIn, idsOf } from './ids.js';

/** Where a peer writes to in one measurement. */
export interface PeerOutput {
  /** Its last argument. */
  readonly address: string;
  /** The ids of all rows that it has written, as often as it has written them. */
  ids(): Promise<string[]>;
}

/** Another consumer of the same queue, of a kind that people write. */
export interface Peer {
  readonly name: 'python' | 'each' | 'batch';
  readonly sentence: string;
  /** The sink of Tributary's consumer that it is compared with. */
  readonly sink: 'csv' | 'postgres';
  /** @throws LeftOut if this machine lacks what it needs, and it cannot be installed */
  command(bench: Bench): Promise<readonly [program: string, ...args: string[]]>;
  output(bench: Bench): Promise<PeerOutput>;
}

const fileOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export const PEERS: readonly Peer[] = [
  {
    name: 'python',
    sentence:
      'One consumer to CSV, compared with a Python one of the usual kind (pika, SET NX for each, CSV in batches of ten).',
    sink: 'csv',
    command: async (bench) => [await findPython(bench), fileOf('../../peers/consumer.py')],
    output: csvOutput,
  },
  {
    name: 'each',
    sentence: 'The same, compared with a Node one of the usual kind (amqplib, SET NX and a line of CSV for each).',
    sink: 'csv',
    command: async () => [process.execPath, fileOf('./each.js')],
    output: csvOutput,
  },
  {
    name: 'batch',
    sentence:
      'One consumer to Postgres, compared with a Node one that batches: a pipeline of SET NX and an INSERT for a hundred.',
    sink: 'postgres',
    command: async () => [process.execPath, fileOf('./batch.js')],
    output: tableOutput,
  },
];

let outputs = 0;

async function csvOutput(bench: Bench): Promise<PeerOutput> {
  const address = join(bench.folder, `peer-${++outputs}.csv`);
  return { address, ids: async () => idsIn(address) };
}

async function tableOutput(bench: Bench): Promise<PeerOutput> {
  const address = await (await bench.servers.database()).create();
  return { address, ids: () => idsOf(address, 'peer') };
}

/** Debian's Python has Debian's packages; the one on the PATH may be another. */
const PYTHONS = ['python3', '/usr/bin/python3'];
const PACKAGES = ['python3-pika', 'python3-redis'];

async function findPython(bench: Bench): Promise<string> {
  const find = () => PYTHONS.find(hasLibraries);
  const found = find();
  if (found !== undefined) return found;
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
