import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { type Crm, startCrm } from './support/crm.js';
import { eventually } from './support/eventually.js';
import { expectedRows } from './support/join.js';
import { countExpected, expectAllLanded } from './support/landed.js';
import { partsOf } from './support/output.js';
import { demoPipeline } from './support/pipeline-file.js';
import { type Both, type RunningService, readiness, startBoth, startService, untilReady } from './support/services.js';
import { useStage } from './support/stage.js';

const stage = useStage();
const servers = { amqpUrl: inject('amqpUrl'), redisUrl: inject('redisUrl') };

/** Looks often, because a consumer that finds what it misses begins again at once. */
const untilTold = (service: RunningService, words: RegExp) =>
  eventually(
    async () => {
      const { status, problems } = await readiness(service);
      expect({ status, problems: problems.join('; ') }).toEqual({
        status: 503,
        problems: expect.stringMatching(words),
      });
    },
    20,
    10_000,
  );

/** All that the CRM has, once it has served all of it. */
async function allLanded(output: string, crm: Crm): Promise<void> {
  const expected = await eventually(async () => {
    const rows = expectedRows(await crm.records());
    expect(countExpected(rows)).toMatchObject({ customers: 200, inventory: 50 });
    return rows;
  });
  await expectAllLanded(output, expected);
}

const settings = (file: string, output: string, crm: Crm) => ({
  AMQP_URL: servers.amqpUrl,
  REDIS_URL: servers.redisUrl,
  CRM_URL: crm.url,
  PIPELINE: file,
  OUTPUT_DIR: output,
  BATCH_INTERVAL: '500ms',
  POLL_INTERVAL: '1s',
});

describe('an output that another program works in', { timeout: 120_000 }, () => {
  const { file, name } = demoPipeline(stage, servers);
  const output = stage.path('worked-in');
  let crm: Crm;
  let both: Both;
  const landed = () => allLanded(output, crm);
  const largest = (dataset: string): string => {
    const paths = partsOf(output, dataset).map((part) => join(output, dataset, part));
    return paths.toSorted((a, b) => statSync(b).size - statSync(a).size)[0] ?? '';
  };

  beforeAll(async () => {
    ({ crm } = await startCrm(stage));
    both = await startBoth(stage, settings(file, output, crm));
    await landed();
  });

  test('and empties a part of: the writer tells it within 10 s, and what was in it is polled and written again', async () => {
    const part = largest('customers');
    truncateSync(part, 0);
    await untilTold(
      both.consumer,
      /part-consumer-.*\.csv (was cut or emptied by another program or person|has 0 bytes)/,
    );
    await landed();
    await untilReady(both.consumer);
    await crm.change(20);
    await landed();
  });

  test('and deletes a part of, whose writer is done with it and idle: noticed within 10 s, and healed', async () => {
    expect((await both.consumer.program.stop()).code).toBe(0);
    both = {
      ...both,
      consumer: await startService(stage, 'consumer', { ...settings(file, output, crm), INSTANCE_ID: 'next' }),
    };
    await untilReady(both.consumer);
    rmSync(largest('inventory'));
    await untilTold(both.consumer, /is gone/);
    await landed();
    truncateSync(largest('customer_inventory'), 700);
    await untilTold(both.consumer, /part-.*\.csv (was cut|has 700 bytes)/);
    await landed();
    await untilReady(both.consumer);
  });

  test('is refused to a consumer of another pipeline, which says whose it is, until the first has ended', async () => {
    const other = demoPipeline(stage, servers);
    const second = await startService(stage, 'consumer', {
      ...settings(other.file, output, crm),
      INSTANCE_ID: 'second',
    });
    await untilTold(
      second,
      new RegExp(`the pipeline "${name}" is writing to the output .*, and this is "${other.name}"`),
    );
    await crm.change(20);
    await landed();
    await untilReady(both.consumer);
    expect(both.consumer.program.stdout).not.toContain('another pipeline');
    const ends = await Promise.all([both.producer.program.stop(), both.consumer.program.stop()]);
    expect(ends.map(({ code }) => code)).toEqual([0, 0]);
    await untilReady(second);
    await second.program.stop();
  });
});

/** Only root may mount a disk of its own. */
describe.skipIf(process.platform !== 'linux' || process.getuid?.() !== 0)(
  'a disk that is full',
  { timeout: 120_000 },
  () => {
    const disk = stage.path('small-disk');
    const output = join(disk, 'output');
    const filler = join(disk, 'filler');
    const fill = () => {
      const { bavail, bsize } = statfsSync(disk);
      writeFileSync(filler, Buffer.alloc(Math.max(0, bavail * bsize - 4_096)));
    };

    beforeAll(() => {
      mkdirSync(disk);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tributary-test', disk]);
    });
    afterAll(() => {
      execFileSync('umount', ['-l', disk]);
    });

    test('is told with what to do, tears nothing, and is written on when there is room, also by the heir of one that was killed', async () => {
      const { file } = demoPipeline(stage, servers);
      const { crm } = await startCrm(stage);
      const both = await startBoth(stage, settings(file, output, crm));
      await allLanded(output, crm);
      fill();
      await crm.change(150);
      await untilTold(both.consumer, /ENOSPC: .*the disk is full: free space on it/);
      await both.consumer.program.stop('SIGKILL');
      const env = { ...settings(file, output, crm), INSTANCE_ID: 'heir' };
      const heir = await startService(stage, 'consumer', env);
      await untilTold(heir, /ENOSPC: .*the disk is full/);
      rmSync(filler);
      const room = performance.now();
      await untilReady(heir);
      expect(performance.now() - room).toBeLessThan(10_000);
      await allLanded(output, crm);
      await Promise.all([both.producer.program.stop(), heir.program.stop()]);
    });
  },
);
