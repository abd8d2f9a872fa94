import { describe, expect, test } from 'vitest';
import { expectCleanRun } from './clean-run.js';

/** A small disk is mounted for the output, and the clocks of processes are moved (libfaketime). */
const canHaveWorld = process.platform === 'linux' && process.getuid?.() === 0;

describe.skipIf(!canHaveWorld)(
  'a pipeline whose networks, machines, backups and operators do their worst as well',
  () => {
    // Redis has a replica and a Sentinel in the first, and Postgres a standby in the second. Their plans hold every kind of fault.
    test.each([
      { sink: 'csv', seed: 20_260_114 },
      { sink: 'postgres', seed: 20_260_117 },
    ] as const)(
      'loses nothing, writes nothing twice and never stands still in silence ($sink, seed $seed)',
      async ({ sink, seed }) => {
        const { report } = await expectCleanRun({ seconds: 40, seed, sink, world: true });
        // Nearly each kind of fault once: a server that was hurt needs its time before it is hurt again.
        expect(Object.values(report.kills).filter((count) => count > 0).length).toBeGreaterThan(18);
        // How many rows are there when the faults are over says nothing here: outputs are emptied, and put back to older states. All come
        // again afterwards, of both merges.
        for (const dataset of ['customer_inventory', 'customer_items'])
          expect(report.audit[dataset]?.found).toBeGreaterThan(1_000);
      },
    );
  },
);
