import { type Entity, memorySeenAgain, type PipelineConfig, type Redis } from '@tributary/shared';
import { type ClaimedRow, Claims } from '../../src/claim/claims.js';
import { Lease } from '../../src/claim/lease.js';
import { consume } from '../../src/consume.js';
import type { DeadLetters } from '../../src/dead-letters/dead-letters.js';
import { Intake } from '../../src/intake/intake.js';
import { KnownRecords } from '../../src/intake/known-records.js';
import { ledgerKeys } from '../../src/ledger/keys.js';
import { RedisLedger } from '../../src/ledger/redis.js';
import { LedgerScripts } from '../../src/ledger/scripts.js';
import { createMergeStep, NO_MERGE } from '../../src/merge/merge.js';
import { startRemerge } from '../../src/merge/remerge.js';
import { createMergeRows } from '../../src/merge/rows.js';
import { Reporter } from '../../src/metrics/report.js';
import { Batcher } from '../../src/write/batch.js';
import { Flush } from '../../src/write/flush.js';
import { FakeChannel } from './fake-channel.js';
import { FakeClock } from './fake-clock.js';
import type { PlainSink } from './plain-sink.js';
import { CRM, CUSTOMER, type Fields, INVENTORY, log, newMetrics } from './records.js';

export interface StepsOptions {
  readonly redis: Redis;
  readonly sink: PlainSink;
  readonly writer: string;
  readonly epoch: string;
  readonly pipeline?: string;
  readonly config?: PipelineConfig;
  readonly entities?: readonly Entity[];
}

/** The steps of one writer, as a session puts them together, fed by hand instead of by a broker. */
export async function startSteps(options: StepsOptions) {
  const { redis, sink, writer, epoch, config = CRM, entities = [CUSTOMER, INVENTORY] } = options;
  const clock = new FakeClock();
  const metrics = newMetrics();
  const keys = ledgerKeys(options.pipeline ?? config.name, epoch);
  const scripts = new LedgerScripts(redis);
  const ledger = new RedisLedger({ scripts, keys, epoch, writer, mergeDataset: config.merges[0]?.dataset });
  const lease = new Lease(ledger, clock, log, () => {});
  await lease.take();
  const output = await sink.open(writer, epoch);
  const ended = new AbortController();
  const flush = new Flush({
    ...{ ledger, lease, writer: output, clock, log, metrics, signal: ended.signal },
    onSinkProblem: () => {},
  });
  const claims = new Claims(ledger, sink, () => {});
  const rows = createMergeRows(config);
  const buried: { messageId: string; code: string }[] = [];
  const deadLetters = {
    bury: async (...[delivery, , error]: Parameters<DeadLetters['bury']>) => {
      buried.push({ messageId: String(delivery.message.properties.messageId), code: error.code });
      delivery.ack();
      return true;
    },
  } as unknown as DeadLetters;
  const errors: unknown[] = [];
  const seenAgain = memorySeenAgain(() => clock.now());
  const knownRecords = new KnownRecords();

  const merging = rows && { rows, ledger, claims, land: (landing: readonly ClaimedRow[]) => flush.land(landing) };
  const lanes = await Promise.all(
    entities.map(async (entity) => {
      const channel = new FakeChannel();
      const intake = new Intake(channel.channel, clock, 250);
      await intake.start(entity.config.queue, writer, () => {});
      const batch = new Batcher({
        ...{ size: config.batch.size, interval: config.batch.interval, clock },
        flush: (entries) => flush.flush(entries),
        onError: (error) => errors.push(error),
      });
      const merge = merging === undefined ? NO_MERGE : createMergeStep(entity.name, merging);
      const report = new Reporter(metrics, log);
      const known = knownRecords.of(entity);
      const steps = { entity, intake, deadLetters, known, claims, merge, batch, report, seenAgain, instance: writer };
      const story = consume(steps).catch((error: unknown) => errors.push(error));
      return { name: entity.name, channel, intake, batch, story };
    }),
  );
  const lane = (name: string) => {
    const found = lanes.find((one) => one.name === name);
    if (found === undefined) throw new Error(`no lane of ${name}`);
    return found;
  };
  let messages = 0;

  return {
    ...{ clock, ledger, metrics, buried, errors, lane, keys, seenAgain },
    /** Delivers a record; messages are numbered as they come, unless one is named. */
    deliver(entity: string, body: Fields | string, messageId = `m${String(++messages).padStart(4, '0')}`): void {
      const { channel } = lane(entity);
      channel.deliver(channel.message(body, messageId));
    },
    flushNow: async () => void (await Promise.all(lanes.map(({ batch }) => batch.flushNow()))),
    /** Makes merged rows of what had landed before the merge was as it is. */
    remerge: () => startRemerge(merging, { clock, log, onError: (error) => errors.push(error) }).ended,
    unsettled: () => lanes.reduce((sum, { intake }) => sum + intake.settler.unsettled, 0),
    /** Ends as a killed process does: nothing more is written, and its lease is left to run out. */
    async kill(): Promise<void> {
      for (const { intake, batch } of lanes) {
        intake.end();
        batch.abandon();
      }
      ended.abort();
      await lease.release(false);
      await Promise.all(lanes.map(({ story }) => story));
    },
  };
}

export type RunningSteps = Awaited<ReturnType<typeof startSteps>>;
