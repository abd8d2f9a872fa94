import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readArguments } from '../src/chaos/arguments.js';
import { runChaos } from '../src/chaos/chaos.js';
import { FAULT_KINDS, KILL_KINDS, kindsOf, planFaults } from '../src/chaos/plan.js';
import { runPreload } from '../src/chaos/preload.js';
import { siteOf } from '../src/chaos/site.js';
import { planReplacements } from '../src/chaos/upgrade/rolling.js';
import { CLEAN, say } from './clean-run.js';

describe('the plan of a run', () => {
  test('follows from its seed', () => {
    expect(planFaults(7, 120, 'csv', true)).toEqual(planFaults(7, 120, 'csv', true));
    expect(planFaults(7, 120, 'csv', true)).not.toEqual(planFaults(8, 120, 'csv', true));
  });

  test('takes a source down only where it is a server', () => {
    expect(kindsOf(1, 'csv', false, 'rest')).not.toContain('source');
    expect(kindsOf(1, 'csv', false, 'sql')).toContain('source');
  });

  test('has each kind of fault and each way that servers stand, over some seeds', () => {
    const seeds = Array.from({ length: 20 }, (_, seed) => seed);
    const kinds = (['csv', 'postgres'] as const).flatMap((sink) =>
      seeds.flatMap((seed) => kindsOf(seed, sink, true, 'sql')),
    );
    expect(new Set(kinds)).toEqual(new Set(FAULT_KINDS));
    const sites = new Set(seeds.map((seed) => JSON.stringify(siteOf(seed, true))));
    expect(sites.size).toBe(4);
    expect(siteOf(1, false)).toEqual({ redis: 'alone', postgres: 'alone' });
  });

  test.each(Array.from({ length: 20 }, (_, seed) => seed))(
    'has every kind of fault, and 55 in 120 s (seed %i)',
    (seed) => {
      const kindsIn = (world: boolean) =>
        new Set(planFaults(seed, 60, 'postgres', world, 'sql').map(({ kind }) => kind));
      expect(planFaults(seed, 120, 'postgres', false).length).toBeGreaterThan(55);
      expect(kindsIn(false)).toEqual(new Set(KILL_KINDS));
      // A server that was stopped needs time in between.
      const possible = kindsOf(seed, 'postgres', true, 'sql');
      expect(possible.length).toBeGreaterThan(20);
      expect(possible.filter((kind) => !kindsIn(true).has(kind)).length).toBeLessThan(4);
    },
  );
});

describe('an upgrade', () => {
  test('goes from one version to the other, back, and forward again: who writes comes behind all who read', () => {
    const plan = planReplacements(100, { consumers: 2, producers: 1 });
    const order = plan.map(({ service, index, to }) => `${service} ${index} ${to}`);
    const forward = ['consumers 0 this', 'consumers 1 this', 'producers 0 this'];
    expect(order).toEqual([...forward, 'producers 0 older', 'consumers 0 older', 'consumers 1 older', ...forward]);
    expect(plan.map(({ at }) => at)).toEqual(plan.map(({ at }) => at).toSorted((a, b) => a - b));
    expect(plan.at(-1)?.at).toBeLessThan(100_000);
  });

  test('is not asked for by the version that it begins with alone', () => {
    expect(() => readArguments(['--from', 'v0.2.0'], () => 1)).toThrow('--from: it says from where to upgrade');
    expect(readArguments(['--upgrade', '--from', 'v0.2.0'], () => 1)).toMatchObject({ upgrade: true, from: 'v0.2.0' });
  });
});

describe('a queue full of records, whose consumers are killed in turn', () => {
  test('becomes exactly one row of each', async () => {
    const options = { records: 10_000, consumers: 3, killEvery: 2_000, batchSize: 10 };
    const { report, problems } = await runPreload({ ...options, say, signal: new AbortController().signal });
    expect(problems).toEqual([]);
    expect(report.audit).toEqual({ readings: { expected: 10_000, found: 10_000, ...CLEAN } });
  });
});

describe('a run that is broken off', () => {
  test('leaves no server and no folder', async () => {
    const interrupt = new AbortController();
    const lines: string[] = [];
    const options = {
      seconds: 60,
      seed: 1,
      producers: 1,
      consumers: 1,
      sink: 'csv' as const,
      world: false,
      keep: false,
    };
    const run = runChaos({
      ...options,
      signal: interrupt.signal,
      say(line) {
        lines.push(line);
        if (line.startsWith('seed 1:')) interrupt.abort(new Error('that is enough'));
      },
    });
    await expect(run).rejects.toThrow('that is enough');
    const told = lines.join('\n');
    const folder = /logs meanwhile: (\S+)/.exec(told)?.[1] ?? 'not told';
    expect(existsSync(dirname(folder))).toBe(true);
    expect(existsSync(folder)).toBe(false);
    const ports = [...told.matchAll(/privately on port (\d+)/g)].map(([, port]) => Number(port));
    expect(ports.length).toBe(2);
    for (const port of ports) await expect(connectTo(port)).rejects.toThrow('ECONNREFUSED');
  });
});

async function connectTo(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
  } finally {
    socket.destroy();
  }
}
