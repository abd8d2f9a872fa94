import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// Tests run from the TypeScript sources (the "tributary-source" export condition), so no build can be stale.
const conditions = ['tributary-source'];
const sources = { resolve: { conditions }, ssr: { resolve: { conditions } } };

/** Waits end when what they wait for is there: only a failing test takes as long as this. A busy machine needs more than a second. */
const patient = { expect: { poll: { timeout: 45_000 } }, setupFiles: ['test/services/patience.ts'] };

/** They crash the consumer between any two steps, thousands of times, or speak to servers in processes of their own. */
const slow = [
  'consumer/test/{ledger,session,simulation}/**/*.test.ts',
  'consumer/test/sinks/*.test.ts',
  'tributary/test/{embedded/stand-ins,library/pipeline}.test.ts',
];

export default defineConfig({
  test: {
    // Tests wait for servers more than they compute: two at a time use little more than half of two cores, where one is the default.
    maxWorkers: Math.max(3, availableParallelism() - 1),
    projects: [
      {
        ...sources,
        test: {
          ...patient,
          name: 'unit',
          include: [
            '{shared,producer,consumer,mock-api,dashboard,tributary,bench}/test/**/*.test.ts',
            'test/{docs,kubernetes,layout,services}/**/*.test.ts',
          ],
          exclude: slow,
          // Generous: a machine under load is slow, and no test waits by the clock.
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      { ...sources, test: { ...patient, name: 'crash', include: slow, testTimeout: 240_000, hookTimeout: 120_000 } },
      {
        ...sources,
        test: {
          ...patient,
          name: 'integration',
          include: ['test/{integration,end-to-end,observability}/**/*.test.ts'],
          globalSetup: ['test/services/global-setup.ts'],
          testTimeout: 240_000,
          hookTimeout: 240_000,
        },
      },
      // With a Node that has SQLite: test/integration/sources/sqlite.test.ts runs it.
      { ...sources, test: { ...patient, name: 'sqlite', include: ['test/sqlite/*.test.ts'], testTimeout: 120_000 } },
      // `npm run test:odbc` alone: it installs a package that compiles.
      {
        ...sources,
        test: {
          ...patient,
          name: 'odbc',
          include: ['test/odbc/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 900_000,
        },
      },
      // `npm run test:s3` alone: it installs OpenStack Swift, some 60 packages of Debian.
      {
        ...sources,
        test: { ...patient, name: 's3', include: ['test/s3/*.test.ts'], testTimeout: 600_000, hookTimeout: 900_000 },
      },
      {
        ...sources,
        test: {
          ...patient,
          name: 'chaos',
          include: ['test/chaos/*.test.ts'],
          // After all others, and one at a time: it loads the machine, and wants its load to be its own.
          sequence: { groupOrder: 1 },
          fileParallelism: false,
          testTimeout: 600_000,
        },
      },
      {
        ...sources,
        test: {
          ...patient,
          name: 'compose',
          include: ['test/compose/**/*.test.ts'],
          exclude: ['test/compose/ha.test.ts'],
          // One stack of containers at a time.
          fileParallelism: false,
          testTimeout: 300_000,
        },
      },
      // `npm run test:ha` alone: some twenty minutes of failovers.
      {
        ...sources,
        test: { ...patient, name: 'ha', include: ['test/compose/ha.test.ts'], testTimeout: 400_000 },
      },
    ],
  },
});
