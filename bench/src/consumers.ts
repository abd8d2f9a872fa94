import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from './bench.js';
import { Program } from './program.js';
import { PIPELINE } from './servers.js';

/** A sink that has nothing yet, and how a consumer is told of it. */
export interface FreshSink {
  readonly environment: Readonly<Record<string, string>>;
  /** Of a CSV sink, its folder. */
  readonly folder: string;
  remove(): void;
}

export async function freshSink(bench: Bench, type: 'csv' | 'postgres'): Promise<FreshSink> {
  const folder = mkdtempSync(join(bench.folder, 'output-'));
  const remove = () => rmSync(folder, { recursive: true });
  if (type === 'csv') return { folder, remove, environment: { OUTPUT_DIR: folder } };
  const url = await (await bench.servers.database()).create();
  return { folder, remove, environment: { OUTPUT_DIR: folder, SINK: 'postgres', POSTGRES_URL: url } };
}

/** Starts a service on the bench's servers, with the pipeline as it comes. */
export async function startService(
  bench: Bench,
  name: 'producer' | 'consumer',
  environment: Readonly<Record<string, string>>,
): Promise<Program> {
  const [broker, redis] = await Promise.all([bench.servers.broker(), bench.servers.redis()]);
  return await Program.start(bench, name, { AMQP_URL: broker.url, REDIS_URL: redis.url, PIPELINE, ...environment });
}

/** Empties queues and ledger: whatever is measured next is the first of its kind. */
export async function beginAnew({ servers }: Bench): Promise<void> {
  const [broker, redis] = await Promise.all([servers.broker(), servers.redis()]);
  await broker.empty();
  await redis.flush();
}

/** What consumers have come to, all together. */
export interface Standing {
  /** Records of an entity that need nothing more: their row is durable and committed, or they need none. */
  readonly settled: number;
  /** Rows written to a dataset. */
  rows(dataset: string): number;
}

export async function standingOf(consumers: readonly Program[], entity: string): Promise<Standing> {
  const all = await Promise.all(consumers.map((consumer) => consumer.metrics()));
  const sum = (name: string, labels: Readonly<Record<string, string>>) =>
    all.reduce((total, metrics) => total + metrics(name, labels), 0);
  const outcome = (name: string) => sum('tributary_records_total', { entity, outcome: name });
  const rows = (dataset: string) => sum('tributary_rows_written_total', { dataset });
  return {
    rows,
    settled: rows(entity === 'customer' ? 'customers' : 'inventory') + outcome('duplicate') + outcome('stale'),
  };
}
