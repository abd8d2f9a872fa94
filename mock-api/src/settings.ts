import {
  describeError,
  ENVIRONMENT,
  FatalError,
  levelOf,
  PORTS,
  type ServiceEnvironment,
  type VariableName,
} from '@tributary/shared';
import { type FaultSettings, NO_FAULTS, readFaults } from './faults/faults.js';

export interface Settings {
  /** 0 for any free port. */
  readonly port: number;
  readonly host: string;
  readonly customers: number;
  readonly items: number;
  readonly seed: number;
  /** Changes per second; 0 for none. */
  readonly changesPerSecond: number;
  /** How the API misbehaves. */
  readonly faults: FaultSettings;
}

export const DEFAULT_SETTINGS: Settings = {
  port: PORTS['mock-api'],
  host: ENVIRONMENT.HOST.usual,
  customers: Number(ENVIRONMENT.MOCK_CUSTOMERS.usual),
  items: Number(ENVIRONMENT.MOCK_ITEMS.usual),
  seed: Number(ENVIRONMENT.MOCK_SEED.usual),
  changesPerSecond: Number(ENVIRONMENT.MOCK_CHANGES_PER_SECOND.usual),
  faults: NO_FAULTS,
};

/**
 * Reads the mock's settings from the environment; an empty variable counts as not set.
 * @throws FatalError listing every mistake, with the variable, its value and what is expected
 */
export function readSettings(env: ServiceEnvironment): Settings {
  const wrong: string[] = [];
  const number = (name: VariableName, fallback: number, most: number, whole = true): number => {
    const text = env[name]?.trim() || String(fallback);
    const value = (whole ? /^\d+$/ : /^\d+(\.\d+)?$/).test(text) ? Number(text) : Number.NaN;
    if (value <= most) return value;
    wrong.push(`${name}: expected a ${whole ? 'whole ' : ''}number from 0 to ${most}, found ${JSON.stringify(text)}`);
    return fallback;
  };
  const settings: Settings = {
    port: number('PORT', DEFAULT_SETTINGS.port, 65_535),
    host: env.HOST?.trim() || DEFAULT_SETTINGS.host,
    // The first records were last updated one second apart, from 2024 on: this many are all in the past.
    customers: number('MOCK_CUSTOMERS', DEFAULT_SETTINGS.customers, 10_000_000),
    items: number('MOCK_ITEMS', DEFAULT_SETTINGS.items, 1_000_000),
    seed: number('MOCK_SEED', DEFAULT_SETTINGS.seed, 2 ** 32 - 1),
    // Each change needs its own millisecond.
    changesPerSecond: number('MOCK_CHANGES_PER_SECOND', DEFAULT_SETTINGS.changesPerSecond, 1_000, false),
    faults: faultsIn(env.MOCK_FAULTS, wrong),
  };
  // The logger refuses it too, but alone.
  try {
    levelOf(env.LOG_LEVEL, 'mock-api', 'info');
  } catch (error) {
    wrong.push(describeError(error));
  }
  if (wrong.length > 0) {
    throw new FatalError('settings_invalid', `the environment of mock-api has faults:\n  ${wrong.join('\n  ')}`);
  }
  return settings;
}

/** JSON such as {"status": {"503": 0.1}, "latency": 200}. */
function faultsIn(text: string | undefined, wrong: string[]): FaultSettings {
  if (!text?.trim()) return NO_FAULTS;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    wrong.push(`MOCK_FAULTS: expected JSON such as {"status": {"503": 0.1}}, found ${JSON.stringify(text)}`);
    return NO_FAULTS;
  }
  const read = readFaults(value);
  if ('faults' in read) return read.faults;
  wrong.push(...read.wrong.map((line) => `MOCK_FAULTS: ${line}`));
  return NO_FAULTS;
}
