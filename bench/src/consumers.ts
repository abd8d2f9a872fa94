import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from './bench.js';
import { Program } from './program.js';
import { PIPELINE } from './servers.js';

/** An empty sink, and the variables that make a consumer write to it. */
export interface FreshSink {
  readonly environment: Readonly<Record<string, string>>;
  /** The folder of a CSV sink. */
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

/** Starts a service on the bench's servers, with the unchanged pipeline. */
export async function startService(
  bench: Bench,
  name: 'producer' | 'consumer',
  environment: Readonly<Record<string, string>>,
): Promise<Program> {
  const [broker, redis] = await Promise.all([bench.servers.broker(), bench.servers.redis()]);
  return await Program.start(bench, name, { AMQP_URL: broker.url, REDIS_URL: redis.url, PIPELINE, ...environment });
}

/** Empties queues and ledger, so that no record of the next measurement is known already. */
export async function emptyAll({ servers }: Bench): Promise<void> {
  const [broker, redis] = await Promise.all([servers.broker(), servers.redis()]);
  await broker.empty();
  await redis.flush();
}

/** What all consumers together have done. */
export interface Progress {
  /** Records of an entity that are done: their row is durable and committed, or they need no row. */
  readonly settled: number;
  /** Rows written to a dataset. */
  rows(dataset: string): number;
}

export async function progressOf(consumers: readonly Program[], entity: string): Promise<Progress> {
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
