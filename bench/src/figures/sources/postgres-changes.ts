import { setTimeout as sleep } from 'node:timers/promises';
import { listParts, readPart } from '@tributary/shared';
import { startPrivatePostgres, until } from '@tributary/test/services';
import type { Client } from 'pg';
import { type Bench, sizeOf } from '../../bench.js';
import { emptyAll, freshSink, progressOf, startService } from '../../consumers.js';
import { type CpuSeconds, cpuSeconds, perMillion, withCpu } from '../../cpu.js';
import type { Figure } from '../../figure.js';
import { interleave } from '../../interleave.js';
import { customerMessages, type Message } from '../../messages.js';
import { untilCount } from '../../progress.js';
import { percentile } from '../../statistics.js';
import { CUSTOMERS, insertCustomers, insertMessages, withClient } from './customers-table.js';
import { writePipeline } from './source.js';

/** Rows that a transaction of the writer changes. */
const TOGETHER = 100;
/** Changes a second at which latency is measured, and how many come at a time. */
const RATE = 10_000;
const BURST = 500;
/** Milliseconds in which a slot is streamed from, and in which all of the changes land. */
const PATIENCE = 120_000;

interface Streamed {
  readonly perSecond: number;
  readonly cpu: CpuSeconds;
  /** Milliseconds from the statement that changed a row to the write of its row in the output, at a steady rate. */
  readonly waits: readonly number[];
}

/** A producer follows a table while rows are inserted into it. */
export const postgresChanges: Figure = {
  name: 'sources.postgres-changes',
  unit: 'records/s',
  sentence: `From the commit of a row in Postgres to the durable CSV row: a producer follows a table, a consumer writes, and transactions of ${TOGETHER} inserts are committed as fast as they can be. The limit is Postgres, which decodes the same log alone.`,
  async measure(bench) {
    const { records, rounds } = sizeOf(bench, {
      quick: { records: 100_000, rounds: 1 },
      full: { records: 200_000, rounds: 3 },
    });
    const settings = { wal_level: 'logical', max_wal_senders: 4, max_replication_slots: 4, max_wal_size: '2GB' };
    const server = await startPrivatePostgres(bench.say, settings);
    bench.release.add('the Postgres that is followed', () => server.stop());
    const messages = customerMessages({ count: records });
    let last: Streamed | undefined;
    const measured = await interleave(bench, 'sources.postgres-changes', rounds, {
      async ours() {
        last = await stream(bench, server.url, messages);
        return last.perSecond;
      },
      limit: () => withClient(server.url, (client) => decodeAlone(client, messages)),
    });
    const { cpu = {}, waits = [] } = last ?? {};
    const [p50Ms, p99Ms] = [percentile(waits, 0.5), percentile(waits, 0.99)];
    const detail = `at ${RATE.toLocaleString('en')}/s from statement to write p50 ${p50Ms} ms, p99 ${p99Ms} ms`;
    return withCpu({ ...measured, more: { ...measured.more, p50Ms, p99Ms }, detail }, cpu);
  },
};

async function stream(bench: Bench, url: string, messages: readonly Message[]): Promise<Streamed> {
  await emptyAll(bench);
  const sink = await freshSink(bench, 'csv');
  const PIPELINE = writePipeline(bench, { source: 'postgres-changes', url, table: 'customers', slot: 'bench' });
  return await withClient(url, async (client) => {
    await client.query('DROP TABLE IF EXISTS customers');
    await client.query(CUSTOMERS);
    const consumer = await startService(bench, 'consumer', { ...sink.environment, PIPELINE, BATCH_INTERVAL: '200ms' });
    await consumer.ready(bench.signal);
    const producer = await startService(bench, 'producer', { PIPELINE });
    await producer.ready(bench.signal);
    const lacking = async () => {
      const { rows } = await client.query('SELECT 1 FROM pg_replication_slots WHERE active');
      return rows.length > 0 ? undefined : 'no slot is streamed from';
    };
    await until('the table is followed', lacking, { timeout: PATIENCE, signal: bench.signal });
    const settled = async () => (await progressOf([consumer], 'customer')).settled;
    const warmUp = Math.floor(messages.length / 5);
    const steady = Math.floor(messages.length / 2);
    await insertMessages(client, messages.slice(0, warmUp), TOGETHER);
    await untilCount('the warm-up', warmUp, settled, bench.signal);
    const before = cpuSeconds([producer, consumer]);
    const began = performance.now();
    await insertMessages(client, messages.slice(warmUp, steady), TOGETHER);
    await untilCount('the changes', steady, settled, bench.signal);
    const seconds = (performance.now() - began) / 1_000;
    const cpu = perMillion(before, cpuSeconds([producer, consumer]), steady - warmUp);
    const since = Date.now();
    await insertSteadily(client, messages.slice(steady), bench.signal);
    await untilCount('the steady changes', messages.length, settled, bench.signal);
    const waits = await readWaits(sink.folder, since);
    await Promise.all([producer.stop(), consumer.stop()]);
    await client.query('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots');
    sink.remove();
    return { perSecond: (steady - warmUp) / seconds, cpu, waits };
  });
}

/** Each row tells when its statement began. */
async function insertSteadily(client: Client, messages: readonly Message[], signal: AbortSignal): Promise<void> {
  const began = performance.now();
  for (let from = 0; from < messages.length; from += BURST) {
    const due = began + (from / RATE) * 1_000;
    await sleep(Math.max(0, due - performance.now()), undefined, { signal });
    const now = new Date().toISOString();
    const rows = messages
      .slice(from, from + BURST)
      .map(({ body }) => ({ ...JSON.parse(body.toString()), updatedAt: now }));
    await insertCustomers(client, JSON.stringify(rows));
  }
}

/** @param since milliseconds since the epoch: rows that were changed before do not count */
async function readWaits(output: string, since: number): Promise<number[]> {
  const waits: number[] = [];
  for (const { path } of await listParts(output, 'customers')) {
    for await (const { updatedAt = '', _written_at: writtenAt = '' } of readPart(path)) {
      const changed = Date.parse(updatedAt);
      if (changed >= since) waits.push(Date.parse(writtenAt) - changed);
    }
  }
  return waits;
}

/** @returns changes per second that Postgres decodes while nothing is done with them */
async function decodeAlone(client: Client, messages: readonly Message[]): Promise<number> {
  await client.query('DROP TABLE IF EXISTS customers');
  await client.query(CUSTOMERS);
  await client.query('DROP PUBLICATION IF EXISTS alone');
  await client.query('CREATE PUBLICATION alone FOR TABLE customers');
  await client.query(`SELECT pg_create_logical_replication_slot('alone', 'pgoutput')`);
  try {
    await insertMessages(client, messages, TOGETHER);
    const began = performance.now();
    const { rows } = await client.query<{ count: string }>(
      `SELECT count(*) AS count FROM pg_logical_slot_peek_binary_changes('alone', NULL, NULL, 'proto_version', '1', 'publication_names', 'alone')`,
    );
    const seconds = (performance.now() - began) / 1_000;
    if (Number(rows[0]?.count) < messages.length)
      throw new Error(`${rows[0]?.count} changes of ${messages.length} were decoded`);
    return messages.length / seconds;
  } finally {
    await client.query(`SELECT pg_drop_replication_slot('alone')`);
    await client.query('DROP PUBLICATION alone');
  }
}
