import type { SinkKind, SourceKind } from '@tributary/shared';
import type { Moment } from './moments.js';
import { between, createRandom, pick, type Random } from './random.js';
import { type Site, siteOf } from './site.js';

/** What dies: these are done in each run. */
export const KILL_KINDS = [
  'producer',
  'consumer',
  'pause',
  'rabbitmq',
  'redisFlush',
  'redisRestart',
  'postgres',
  'source',
] as const;

/** What networks, machines, backups, operators and other programs do: these are done with `--world` as well. */
export const WORLD_KINDS = [
  'slowLink',
  'silentLink',
  'deafLink',
  'cutLink',
  'silentRedis',
  'silentRabbitMQ',
  'memoryAlarm',
  'fullDisk',
  'clock',
  'redisClock',
  'redisFailover',
  'postgresFailover',
  'sinkBack',
  'brokerEmpty',
  'purge',
  'queueDeleted',
  'rowsRemoved',
  'tableLocked',
  'deadPolicy',
  'foreign',
] as const;

export const FAULT_KINDS = [...KILL_KINDS, ...WORLD_KINDS] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

/** One thing that is done to the pipeline. */
export interface Fault {
  readonly kind: FaultKind;
  /** When it begins, in milliseconds after the first. */
  readonly at: number;
  /** Chooses among several processes, servers or tables: from 0 up to 1. */
  readonly victim: number;
  /** Chooses how much, from 0 up to 1. */
  readonly degree: number;
  /** Milliseconds until what was killed is started again, or what was stopped goes on. */
  readonly length: number;
  /** A milder or a different way to do the same: a stop in good order, an old snapshot, a pause instead of a kill. */
  readonly otherWay: boolean;
  /** For what is done to a consumer: when exactly, and after how many such moments. */
  readonly moment: Moment;
  readonly after: number;
}

interface Habit {
  readonly weight: number;
  /** Milliseconds from one to the next that hits the same server, so that it is up in between. */
  readonly every: number;
  readonly length: readonly [from: number, to: number];
  /** How often it is done the other way. */
  readonly otherWay: number;
  /** It happens only in this first part of a run. */
  readonly until: number;
}

/** Leases last 10 s, and a broker drops a connection after two missed heartbeats: 12 s are past both. */
const PAUSE = [12_000, 15_000] as const;

/**
 * With Redis the cursors go, and the next polls fetch everything again: whatever was lost before is healed by that. So
 * the last part of a run leaves Redis alone, and what is lost there stays lost for the audit to see.
 */
const REDIS_UNTIL = 0.6;

/** The same holds for a sink that went back and for a broker that lost its messages: everything is polled again. */
const HEALED_BY_POLLS_UNTIL = 0.8;

const HABITS: Readonly<Record<FaultKind, Habit>> = {
  consumer: { weight: 34, every: 0, length: [0, 2_000], otherWay: 0, until: 1 },
  producer: { weight: 14, every: 0, length: [0, 3_000], otherWay: 0, until: 1 },
  pause: { weight: 10, every: 17_000, length: PAUSE, otherWay: 0, until: 1 },
  rabbitmq: { weight: 12, every: 16_000, length: [0, 3_000], otherWay: 0.25, until: 1 },
  redisFlush: { weight: 16, every: 6_000, length: [0, 0], otherWay: 0, until: REDIS_UNTIL },
  redisRestart: { weight: 20, every: 9_000, length: [0, 1_500], otherWay: 0.5, until: REDIS_UNTIL },
  postgres: { weight: 12, every: 9_000, length: [1_000, 6_000], otherWay: 0.5, until: 1 },
  source: { weight: 12, every: 9_000, length: [1_000, 6_000], otherWay: 0.5, until: 1 },
  slowLink: { weight: 8, every: 6_000, length: [2_000, 6_000], otherWay: 0, until: 1 },
  silentLink: { weight: 10, every: 16_000, length: [3_000, 14_000], otherWay: 0.5, until: 1 },
  deafLink: { weight: 8, every: 16_000, length: [3_000, 14_000], otherWay: 0.5, until: 1 },
  cutLink: { weight: 14, every: 1_000, length: [0, 0], otherWay: 0, until: 1 },
  silentRedis: { weight: 8, every: 17_000, length: [4_000, 13_000], otherWay: 0, until: 1 },
  silentRabbitMQ: { weight: 6, every: 17_000, length: [3_000, 10_000], otherWay: 0, until: 1 },
  memoryAlarm: { weight: 8, every: 12_000, length: [2_000, 6_000], otherWay: 0, until: 1 },
  fullDisk: { weight: 10, every: 9_000, length: [1_000, 5_000], otherWay: 0, until: 1 },
  clock: { weight: 10, every: 8_000, length: [3_000, 12_000], otherWay: 0.7, until: 1 },
  redisClock: { weight: 10, every: 10_000, length: [3_000, 10_000], otherWay: 0.7, until: 1 },
  redisFailover: { weight: 16, every: 25_000, length: [500, 3_000], otherWay: 0.4, until: REDIS_UNTIL },
  postgresFailover: { weight: 12, every: 20_000, length: [500, 4_000], otherWay: 0, until: HEALED_BY_POLLS_UNTIL },
  sinkBack: { weight: 10, every: 20_000, length: [2_000, 8_000], otherWay: 0.5, until: HEALED_BY_POLLS_UNTIL },
  brokerEmpty: { weight: 8, every: 25_000, length: [0, 2_000], otherWay: 0, until: HEALED_BY_POLLS_UNTIL },
  purge: { weight: 6, every: 15_000, length: [0, 0], otherWay: 0, until: HEALED_BY_POLLS_UNTIL },
  queueDeleted: { weight: 6, every: 20_000, length: [0, 0], otherWay: 0, until: HEALED_BY_POLLS_UNTIL },
  rowsRemoved: { weight: 8, every: 20_000, length: [0, 0], otherWay: 0, until: HEALED_BY_POLLS_UNTIL },
  tableLocked: { weight: 8, every: 15_000, length: [2_000, 12_000], otherWay: 0, until: 1 },
  deadPolicy: { weight: 5, every: 15_000, length: [3_000, 8_000], otherWay: 0.5, until: 1 },
  foreign: { weight: 14, every: 3_000, length: [0, 0], otherWay: 0, until: 1 },
};

/** From the least to the most milliseconds from one fault to the next. */
type Gap = readonly [from: number, to: number];

export const GAP: Gap = [900, 2_400];

/** Each replacement is a stop and a start as well: rows have to land in between while both versions run, also on a busy machine. */
export const GAP_OF_UPGRADES: Gap = [4_000, 9_000];

const MOMENTS: readonly (readonly [Moment, weight: number])[] = [
  ['any', 1],
  ['write', 1],
  ['ledger', 1],
];

/** What is done to the servers and files of one sink only; all else is done whatever the sink is. */
const ONLY_OF: Readonly<Record<SinkKind, readonly (FaultKind | Moment)[]>> = {
  csv: ['write', 'fullDisk'],
  postgres: ['postgres', 'tableLocked', 'postgresFailover'],
  program: [],
};

const isOfOtherSink = (what: FaultKind | Moment, sink: SinkKind): boolean =>
  Object.entries(ONLY_OF).some(([kind, only]) => kind !== sink && only.includes(what));

/** What is done to servers that stand so only. */
const ONLY_AT: Partial<Readonly<Record<FaultKind, (site: Site) => boolean>>> = {
  redisClock: ({ redis }) => redis === 'alone',
  redisFailover: ({ redis }) => redis === 'watched',
  postgresFailover: ({ postgres }) => postgres === 'pair',
};

/** What is done to the places of some kinds of sources only: the API of the mock CRM is never down, and a folder has no server. */
const ONLY_OF_SOURCE: Partial<Readonly<Record<FaultKind, readonly SourceKind[]>>> = {
  source: ['sql', 'postgres-changes'],
};

/** The kinds of faults of a run. */
export function kindsOf(
  seed: number,
  sink: SinkKind,
  world: boolean,
  source: SourceKind = 'rest',
): readonly FaultKind[] {
  const site = siteOf(seed, world);
  const kinds: readonly FaultKind[] = world ? FAULT_KINDS : KILL_KINDS;
  return kinds.filter(
    (kind) =>
      !isOfOtherSink(kind, sink) && ONLY_AT[kind]?.(site) !== false && ONLY_OF_SOURCE[kind]?.includes(source) !== false,
  );
}

/**
 * What is done, and when, in a run of so many seconds. It follows from the seed alone. Every kind comes once before any
 * comes twice, so that a short run meets them all.
 */
export function planFaults(
  seed: number,
  seconds: number,
  sink: SinkKind,
  world: boolean,
  source: SourceKind = 'rest',
  gap: Gap = GAP,
): Fault[] {
  const kinds = kindsOf(seed, sink, world, source);
  const moments = MOMENTS.filter(([moment]) => !isOfOtherSink(moment, sink));
  const random = createRandom(seed);
  const faults: Fault[] = [];
  const untried = shuffled(random, kinds);
  const last = new Map<FaultKind, number>();
  const isDue = (kind: FaultKind, at: number) =>
    at - (last.get(kind) ?? -Infinity) >= HABITS[kind].every && at < HABITS[kind].until * seconds * 1_000;
  for (let at = 0; at < seconds * 1_000; at += between(random, ...gap)) {
    const first = untried.findIndex((kind) => isDue(kind, at));
    const due = kinds.filter((kind) => isDue(kind, at)).map((kind) => [kind, HABITS[kind].weight] as const);
    const kind = first >= 0 ? (untried.splice(first, 1)[0] ?? 'consumer') : pick(random, due);
    last.set(kind, at);
    const { length, otherWay } = HABITS[kind];
    faults.push({
      kind,
      at,
      victim: random(),
      length: between(random, ...length),
      otherWay: random() < otherWay,
      moment: kind === 'consumer' || kind === 'pause' ? pick(random, moments) : 'any',
      after: Math.floor(random() * 6),
      degree: random(),
    });
  }
  return faults;
}

function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const left = [...items];
  return items.flatMap(() => left.splice(Math.floor(random() * left.length), 1));
}
