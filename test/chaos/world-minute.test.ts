import { describe, expect, test } from 'vitest';
import { expectCleanRun } from './clean-run.js';

/** A small disk is mounted for the output, and the clocks of processes are moved (libfaketime). */
const canHaveWorld = process.platform === 'linux' && process.getuid?.() === 0;

describe.skipIf(!canHaveWorld)(
  'a pipeline whose networks, machines, backups and operators do their worst as well',
  () => {
    // Redis has a replica and a Sentinel in the first, and Postgres a standby in the second. Their plans hold every kind of fault.
    test.each([
      { sink: 'csv', seed: 20_260_114, rows: 1_000 },
      // Here a table is emptied and the database put back towards the end, so few rows may be there when the faults are over.
      { sink: 'postgres', seed: 20_260_117, rows: 0 },
    ] as const)(
      'loses nothing, writes nothing twice and never stands still in silence ($sink, seed $seed)',
      async ({ sink, seed, rows }) => {
        const { report, rowsUnderFire } = await expectCleanRun({ seconds: 40, seed, sink, world: true });
        // Nearly each kind of fault once: a server that was hurt needs its time before it is hurt again.
        expect(Object.values(report.kills).filter((count) => count > 0).length).toBeGreaterThan(18);
        expect(rowsUnderFire).toBeGreaterThan(rows);
      },
    );
  },
);
