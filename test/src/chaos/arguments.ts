import { parseArgs } from 'node:util';
import { either, isSinkKind, SINKS } from '@tributary/shared';
import type { ChaosOptions } from './chaos.js';
import { isMirrored, MIRRORS } from './mirrors/table.js';
import { isPacking, PACKING } from './pipeline.js';

export const HELP = `Kills the pipeline again and again while records change, then audits what landed. Exit 1 if anything is wrong.

  npm run chaos -- [options]

  --seconds S      how long (default 60); starting, settling and auditing come on top
  --seed N         chooses what is done when, and the API's records (default: by chance; it is printed)
  --consumers K    consumer processes (default 3)
  --producers P    producer processes (default 1)
  --source KIND    where the producers read: ${either(Object.keys(MIRRORS))} (default: rest, the mock API itself)
  --database NAME  for --source sql: postgres or mariadb (default: it follows from the seed)
  --sink NAME      csv (default) or postgres
  --deletes WHAT   what becomes of deleted rows in Postgres: remove (default) or keep
  --pack WHEN      when records share a message: adapting (default), always or never
  --upgrade        begin with an older version, and replace its processes by those of this one meanwhile (see below)
  --from REF       for --upgrade: the tag or commit of the older version (default: the last release)
  --world          do also what networks, machines, backups, operators and other programs do (see below)
  --privacy        keep records for a time only (retention.rows), and erase some meanwhile; alone, without --world and --upgrade
  --json           print one JSON object on stdout, and nothing else there
  --keep           keep logs and output also when all is well

It runs a RabbitMQ, a Redis and a Postgres of its own, the mock API, and the producers and consumers as processes. At
random moments it kills producers and consumers (SIGKILL), pauses a consumer past its lease (SIGSTOP), kills and
restarts RabbitMQ, flushes Redis, kills it and brings it back empty or from an old snapshot, and cuts Postgres off.
With a --source that has a server of its own, what the mock API holds is written there as it changes, and the server is
killed and stopped too. The mock API stays the truth.

With --upgrade producers and consumers are of the older version at first: its commit is built once, in ~/.cache/tributary.
Then they are replaced one by one (SIGTERM, and a start) by those of this version, replaced back, and forward again; the faults
are further apart. What the older version's pipeline file cannot have is left out of the run's, and told.

With --world it also lets a network between any two parts be slow, silent, half-open or cut in the middle of a frame;
stops Redis and RabbitMQ (SIGSTOP); raises RabbitMQ's memory alarm; fills the output's disk; moves the clock of a process
by hours; puts the sink back to an older state; lets RabbitMQ come back empty; purges and deletes queues; truncates tables
or removes parts; locks tables; limits the dead letters by a policy; and sends messages that are no records. With some seeds
Redis has a replica and a Sentinel, and Postgres a standby: then these take over without the last writes. In the end all is
well, the pipeline settles, and the audit must be at zero. Nothing may stand still for 30 s while each service says that it
is ready. It needs root (for a small disk of its own) and libfaketime, which it installs on Debian.
`;

export interface ChaosArguments extends Omit<ChaosOptions, 'say' | 'signal' | 'older'> {
  readonly upgrade: boolean;
  readonly from: string | undefined;
  readonly json: boolean;
  readonly help: boolean;
}

/** @throws Error saying which argument is wrong, and what is expected */
export function readArguments(args: readonly string[], newSeed: () => number): ChaosArguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: 'string', default: '60' },
      seed: { type: 'string' },
      consumers: { type: 'string', default: '3' },
      producers: { type: 'string', default: '1' },
      source: { type: 'string', default: 'rest' },
      database: { type: 'string' },
      sink: { type: 'string', default: 'csv' },
      deletes: { type: 'string', default: 'remove' },
      pack: { type: 'string', default: 'adapting' },
      upgrade: { type: 'boolean', default: false },
      from: { type: 'string' },
      world: { type: 'boolean', default: false },
      privacy: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const { source, database, sink, deletes, pack, upgrade, from, world, privacy, json, keep, help } = values;
  if (!isMirrored(source)) throw new Error(`--source: expected ${either(Object.keys(MIRRORS))}, found "${source}"`);
  if (!isSinkKind(sink)) throw new Error(`--sink: expected ${either(Object.keys(SINKS))}, found "${sink}"`);
  if (deletes !== 'remove' && deletes !== 'keep')
    throw new Error(`--deletes: expected remove or keep, found "${deletes}"`);
  if (privacy && (world || upgrade))
    throw new Error(
      '--privacy: neither with --world, which sets clocks and outputs back, nor with --upgrade, whose older version may know nothing of it',
    );
  if (!isPacking(pack)) throw new Error(`--pack: expected ${either(Object.keys(PACKING))}, found "${pack}"`);
  if (from !== undefined && !upgrade) throw new Error('--from: it says from where to upgrade; add --upgrade');
  return {
    seconds: wholeNumber('--seconds', values.seconds, 1, 86_400),
    seed: values.seed === undefined ? newSeed() : wholeNumber('--seed', values.seed, 0, 2 ** 32 - 1),
    consumers: wholeNumber('--consumers', values.consumers, 1, 50),
    producers: wholeNumber('--producers', values.producers, 1, 20),
    source,
    database,
    sink,
    deletes,
    pack,
    upgrade,
    from,
    world,
    privacy,
    json,
    keep,
    help,
  };
}

/** @throws Error naming the argument, what it holds and what is expected */
export function wholeNumber(name: string, text: string, least: number, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new Error(`${name}: expected a whole number from ${least} to ${most}, found "${text}"`);
}
