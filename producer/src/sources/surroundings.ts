import type { Clock, LimitsConfig } from '@tributary/shared';
import { memoryTokenStores, type TokenStores } from './rest/auth/token-store.js';
import { Dispatchers } from './rest/dispatchers.js';
import { Gate } from './rest/gate.js';
import { Pauses } from './rest/pauses.js';
import type { Proxies } from './rest/proxies.js';

/** What the sources of all endpoints share: time, connections and limits. */
export interface Surroundings {
  readonly clock: Clock;
  /** From 0 to 1. */
  random(): number;
  /** For sources that are REST APIs. */
  readonly rest: {
    readonly dispatchers: Dispatchers;
    readonly gate: Gate;
    readonly pauses: Pauses;
    readonly tokens: TokenStores;
  };
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
}

export function createSurroundings({
  limits,
  proxies,
  clock,
  tokens = memoryTokenStores(),
}: SurroundingsOptions): Surroundings {
  const dispatchers = new Dispatchers(proxies);
  return {
    clock,
    random: Math.random,
    rest: { dispatchers, gate: new Gate(limits, clock), pauses: new Pauses(clock), tokens },
    close: () => dispatchers.destroy(),
  };
}
