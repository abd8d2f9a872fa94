import type { Clock, LimitsConfig, Telemetry } from '@tributary/shared';
import { Readings } from './files/readings.js';
import { Gate } from './gate.js';
import type { ProgramSources } from './program.js';
import { memoryTokenStores, type TokenStores } from './rest/auth/token-store.js';
import { Dispatchers } from './rest/dispatchers.js';
import { Pauses } from './rest/pauses.js';
import type { Proxies } from './rest/proxies.js';
import { Databases } from './sql/databases.js';
import { Streams } from './streams.js';

/** What the sources of all endpoints share: time, connections and limits. */
export interface Surroundings {
  readonly clock: Clock;
  /** From 0 to 1. */
  random(): number;
  /** Holds the requests of all endpoints together to the limits. */
  readonly gate: Gate;
  /** For sources that are REST APIs. */
  readonly rest: {
    readonly dispatchers: Dispatchers;
    readonly pauses: Pauses;
    readonly tokens: TokenStores;
  };
  /** For sources that are databases. */
  readonly databases: Databases;
  /** What is known of sources that are followed. */
  readonly streams: Streams;
  /** How far the reading of files has come. */
  readonly readings: Readings;
  /** Those of the program that holds the producer. */
  readonly programSources: ProgramSources;
  /** Tells of each request; undefined where nothing is traced. */
  readonly telemetry: Telemetry | undefined;
  /** Closes all connections, even those in use. */
  close(): Promise<void>;
}

export interface SurroundingsOptions {
  readonly limits: LimitsConfig;
  /** The proxies between the producer and the APIs; none unless given. */
  readonly proxies?: Proxies | undefined;
  readonly clock: Clock;
  /** Where tokens are kept; in this process only unless given. */
  readonly tokens?: TokenStores | undefined;
  /** Sources of the program that holds the producer; none unless given. */
  readonly programSources?: ProgramSources | undefined;
  /** Tells of each request; nothing is traced unless given. */
  readonly telemetry?: Telemetry | undefined;
}

export function createSurroundings({
  limits,
  proxies,
  clock,
  tokens = memoryTokenStores(),
  programSources = {},
  telemetry,
}: SurroundingsOptions): Surroundings {
  const dispatchers = new Dispatchers(proxies);
  const databases = new Databases(limits);
  return {
    clock,
    random: Math.random,
    gate: new Gate(limits, clock),
    rest: { dispatchers, pauses: new Pauses(clock), tokens },
    databases,
    streams: new Streams(),
    readings: new Readings(),
    programSources,
    telemetry,
    async close() {
      await Promise.all([dispatchers.destroy(), databases.close()]);
    },
  };
}
