import { describe, expect, test } from 'vitest';
import type { Figure, Outcome } from '../src/figure.js';
import type { Machine } from '../src/machine.js';
import { toJson, toTable } from '../src/report.js';

const machine: Machine = {
  cpu: 'Some CPU',
  cores: 2,
  memoryGb: 8,
  os: 'Linux 6',
  node: 'v20',
  rabbitmq: '4.1',
  redis: '8.0',
  postgres: undefined,
  fsyncMs: 0.5,
  measuredAt: '2026-01-01T00:00:00.000Z',
  loadBefore: 0.1,
};

const figure = (name: string, unit: Figure['unit'] = 'records/s'): Figure => {
  const measure = async () => ({ value: 0 });
  return { name, unit, sentence: `What ${name} says.`, measure };
};

const results = new Map<Figure, Outcome>([
  [figure('publish'), measured({ value: 20_000.4, limit: 30_000, ratio: 0.66668, spread: 0.1234 })],
  [figure('drain.csv'), measured({ value: 1, more: { rounds: [1] } })],
  [figure('peers.python'), { kind: 'left out', reason: 'there is no Python' }],
  [figure('memory', 'MB'), measured({ value: 150, detail: '1,800,000 records' })],
  [figure('embedded'), { kind: 'failed', reason: 'it has ended' }],
]);

function measured(numbers: Extract<Outcome, { kind: 'measured' }>['measured']): Outcome {
  return { kind: 'measured', measured: numbers, others: 0.07 };
}

describe('the JSON', () => {
  const json = JSON.parse(JSON.stringify(toJson(machine, true, results)));

  test('has each figure under its name, and a group as an object', () => {
    expect(Object.keys(json)).toEqual(['machine', 'publish', 'drain', 'peers', 'memory', 'embedded']);
    expect(json.publish).toEqual({
      unit: 'records/s',
      value: 20_000.4,
      limit: 30_000,
      ratio: 0.667,
      spread: 0.123,
      others: 0.07,
    });
    expect(json.drain.csv).toEqual({ unit: 'records/s', value: 1, rounds: [1], others: 0.07 });
  });

  test('says why a figure is missing', () => {
    expect(json.peers.python).toEqual({ 'left out': 'there is no Python' });
    expect(json.embedded).toEqual({ failed: 'it has ended' });
  });

  test('has the machine, and whether the run was quick', () => {
    expect(json.machine).toMatchObject({ cpu: 'Some CPU', cores: 2, node: 'v20', quick: true });
  });
});

describe('the table', () => {
  const table = toTable(machine, false, results);

  test('has a line of numbers for each figure, and below it what it measures', () => {
    expect(table).toMatch(/^publish +20,000 records\/s +30,000 +0\.67 +12 %\n +What publish says\.$/m);
    expect(table).toMatch(/^memory +150 MB\n +What memory says\.\n +1,800,000 records$/m);
  });

  test('says why a figure is missing', () => {
    expect(table).toMatch(/^peers\.python +left out\n +What peers\.python says\.\n +left out: there is no Python$/m);
  });

  test('omits the version of a server that was not needed', () => {
    expect(table).toContain('Node v20, RabbitMQ 4.1, Redis 8.0\n');
  });

  test('warns that the machine was busy', () => {
    expect(table).not.toContain('busy');
    expect(toTable({ ...machine, loadBefore: 3 }, false, results)).toContain('the machine was busy');
  });
});
