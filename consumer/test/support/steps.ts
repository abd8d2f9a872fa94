import { compileEntity, memorySeenAgain, type PipelineConfig } from '@tributary/shared';
import { type ClaimedRow, Claims } from '../../src/claim/claims.js';
import { Lease } from '../../src/claim/lease.js';
import { consume, type Steps } from '../../src/consume.js';
import { ErasedKeys } from '../../src/erase/erasure.js';
import { Intake } from '../../src/intake/intake.js';
import { KnownRecords } from '../../src/intake/known-records.js';
import { ledgerKeys } from '../../src/ledger/keys.js';
import { RedisLedger } from '../../src/ledger/redis.js';
import type { LedgerRedis } from '../../src/ledger/redis-client.js';
import { createMergeStep, type Entry } from '../../src/merge/merge.js';
import { startRemerge } from '../../src/merge/remerge.js';
import { createMergeRows } from '../../src/merge/rows.js';
import { DeadRecords } from '../../src/metrics/dead-records.js';
import { Reporter } from '../../src/metrics/report.js';
import { Batcher } from '../../src/write/batch.js';
import { Flush } from '../../src/write/flush.js';
import { memoryOf } from '../../src/write/memory.js';
import { FakeChannel } from './fake-channel.js';
import { FakeClock } from './fake-clock.js';
import type { PlainSink } from './plain-sink.js';
import { CRM, type Fields, log, newMetrics } from './records.js';
import { apart } from './suspects.js';

export interface StepsOptions {
  readonly redis: LedgerRedis;
  readonly sink: PlainSink;
  readonly writer: string;
  readonly epoch: string;
  readonly pipeline?: string;
  readonly config?: PipelineConfig;
  readonly erased?: ErasedKeys;
}

/** The steps of one writer, joined as a session joins them; a test delivers the messages instead of a broker. */
export async function startSteps(options: StepsOptions) {
  const { redis, sink, writer, epoch, config = CRM } = options;
  const clock = new FakeClock();
  const metrics = newMetrics();
  const keys = ledgerKeys(options.pipeline ?? config.name, epoch);
  const rows = createMergeRows(config);
  const mergeDatasets = new Set(rows.map(({ dataset }) => dataset));
  const ledger = new RedisLedger({ redis, keys, epoch, writer, mergeDatasets });
  const lease = new Lease({ ledger, clock, log, onLost: () => {} });
  await lease.take();
  const output = await sink.open(writer, epoch);
  const ended = new AbortController();
  const flush = new Flush({
    ledger,
    lease,
    writer: output,
    clock,
    log,
    metrics,
    onSinkProblem: () => {},
    signal: ended.signal,
  });
  const claims = new Claims({ ledger, sink, onTakeOver: () => {} });
  const buried: { messageId: string; code: string; body: string; headers: unknown }[] = [];
  const deadLetters: Steps['deadLetters'] = {
    bury(delivery, _queue, error, onBuried) {
      const { content, properties } = delivery.message;
      const { messageId, headers } = properties;
      buried.push({ messageId: String(messageId), code: error.code, body: content.toString(), headers });
      delivery.ack();
      onBuried(true);
    },
    room: () => undefined,
    forget: async () => {},
  };
  const errors: unknown[] = [];
  const erased = options.erased ?? new ErasedKeys([]);
  const erasedNow = async () => erased;
  const seenAgain = memorySeenAgain(() => clock.now());
  const knownRecords = new KnownRecords();

  const land = (landing: readonly ClaimedRow[]) => flush.land(landing);
  const merges = rows.map((of) => ({ rows: of, ledger, claims, land }));
  const lanes = await Promise.all(
    Object.entries(config.entities).map(async ([name, settings]) => {
      const entity = compileEntity(name, settings);
      const channel = new FakeChannel();
      const intake = new Intake({ channel, clock, prefetch: 250, batchSize: 10, ...apart(clock) });
      await intake.start(entity.config.queue, writer, () => {});
      const batch = new Batcher<Entry>({
        size: config.batch.size,
        interval: config.batch.interval,
        bytesOf: memoryOf,
        clock,
        flush: (entries) => flush.flush(entries),
        onError: (error) => errors.push(error),
      });
      const merge = createMergeStep(entity.name, merges);
      const report = new Reporter({ metrics, log, clock, dead: new DeadRecords(), over: ended.signal });
      const known = knownRecords.of(entity);
      const steps = {
        entity,
        intake,
        deadLetters,
        known,
        claims,
        merge,
        batch,
        report,
        erased,
        erasedNow,
        seenAgain,
        instance: writer,
      };
      const story = consume(steps).catch((error: unknown) => errors.push(error));
      return { name, channel, intake, batch, story };
    }),
  );
  const lane = (name: string) => {
    const found = lanes.find((one) => one.name === name);
    if (found === undefined) throw new Error(`no lane of ${name}`);
    return found;
  };
  let messages = 0;

  return {
    clock,
    ledger,
    metrics,
    buried,
    errors,
    lane,
    keys,
    seenAgain,
    /** Delivers a record; messages are numbered in their order, unless an id is given. */
    deliver(entity: string, body: Fields | string, messageId = `m${String(++messages).padStart(4, '0')}`): void {
      const { channel } = lane(entity);
      channel.deliver(channel.message(body, messageId));
    },
    /** Delivers lines as one pack. */
    deliverPack(entity: string, lines: readonly string[], headers: Fields = {}): void {
      const { channel } = lane(entity);
      const message = channel.message('', `p${String(++messages).padStart(4, '0')}`, headers);
      const properties = { ...message.properties, contentType: 'application/x-ndjson' };
      channel.deliver({ ...message, properties, content: Buffer.from(lines.join('\n')) });
    },
    flushNow: async () => void (await Promise.all(lanes.map(({ batch }) => batch.flushNow()))),
    /** Makes merged rows of records that landed before the merge was as it is now. */
    remerge: () => startRemerge(merges, { clock, log, onError: (error) => errors.push(error) }).ended,
    unsettled: () => lanes.reduce((sum, { intake }) => sum + intake.settler.unsettled, 0),
    /** Ends as a killed process does: nothing more is written, and its lease runs out. */
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
