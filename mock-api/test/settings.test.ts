import { describe, expect, it } from 'vitest';
import { NO_FAULTS } from '../src/faults/faults.js';
import { DEFAULT_SETTINGS, readSettings } from '../src/index.js';

describe('the settings', () => {
  it('have defaults, also for an empty variable', () => {
    expect(readSettings({})).toEqual(DEFAULT_SETTINGS);
    expect(readSettings({ PORT: '', MOCK_CUSTOMERS: ' ', HOST: '' })).toEqual(DEFAULT_SETTINGS);
  });

  it('come from the environment', () => {
    const env = {
      PORT: '0',
      HOST: '0.0.0.0',
      MOCK_CUSTOMERS: '100000',
      MOCK_ITEMS: '1000',
      MOCK_SEED: '7',
      MOCK_CHANGES_PER_SECOND: '0.25',
      MOCK_FAULTS: '{"status":{"503":0.5}}',
    };
    expect(readSettings(env)).toEqual({
      port: 0,
      host: '0.0.0.0',
      customers: 100_000,
      items: 1_000,
      seed: 7,
      changesPerSecond: 0.25,
      faults: { ...NO_FAULTS, status: { 503: 0.5 } },
    });
  });

  it('are refused with every fault at once, each with its value and what is expected', () => {
    const env = {
      PORT: '70000',
      MOCK_CUSTOMERS: 'many',
      MOCK_ITEMS: '-1',
      MOCK_SEED: '1.5',
      MOCK_CHANGES_PER_SECOND: '1e3',
      MOCK_FAULTS: '{"status":{"200":2},"lag":1}',
      LOG_LEVEL: 'loud',
    };
    expect(() => readSettings(env)).toThrowErrorMatchingInlineSnapshot(`
      [FatalError: the environment of mock-api has faults:
        PORT: expected a whole number from 0 to 65535, found "70000"
        MOCK_CUSTOMERS: expected a whole number from 0 to 10000000, found "many"
        MOCK_ITEMS: expected a whole number from 0 to 1000000, found "-1"
        MOCK_SEED: expected a whole number from 0 to 4294967295, found "1.5"
        MOCK_CHANGES_PER_SECOND: expected a number from 0 to 1000, found "1e3"
        MOCK_FAULTS: status.200: expected a status from 400 to 599
        MOCK_FAULTS: (all): there is no fault lag
        LOG_LEVEL: expected one of trace, debug, info, warn, error, fatal, silent, found "loud"]
    `);
  });
});
