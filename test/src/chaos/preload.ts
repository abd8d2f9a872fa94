import { type ReleaseList, systemClock } from '@tributary/shared';
import { audit } from '../audit/audit.js';
import { type AuditReport, formatFindings, formatTable } from '../audit/report.js';
import { csvRows } from '../audit/sinks/csv.js';
import { inRunFolder } from './folder.js';
import { preload, preloadTruth, writePreloadPipeline } from './preload-records.js';
import { queueDepths } from './queues.js';
import { addressesOf, startServers } from './servers.js';
import { stopInOrder, untilDrained } from './settle.js';
import { makeWorkers, untilReady, workerEnv } from './stage.js';
import type { Worker } from './worker.js';
import { quietWorld } from './world/world.js';

export interface PreloadOptions {
  /** Distinct records that lie in the queue before the first consumer starts. */
  readonly records: number;
  readonly consumers: number;
  /** Milliseconds from one kill -9 to the next; 0 for none. */
  readonly killEvery: number;
  readonly batchSize: number;
  /** Told what happens, line by line. */
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

export interface PreloadReport {
  readonly records: number;
  readonly kills: number;
  /** From the start of the consumers until the last record was acknowledged. */
  readonly seconds: number;
  readonly rowsPerSecond: number;
  readonly audit: AuditReport['audit'];
  readonly ok: boolean;
}

export interface PreloadResult {
  readonly report: PreloadReport;
  readonly findings: AuditReport['findings'];
  readonly problems: readonly string[];
  readonly folder: string | undefined;
}

/** Milliseconds for all records; what takes longer hangs. */
const PATIENCE = 30 * 60_000;

/**
 * Puts many distinct records into a queue, starts consumers, and kills one after the other, again and again, until the
 * queue is empty. Then there must be exactly one row of each.
 */
export async function runPreload(options: PreloadOptions): Promise<PreloadResult> {
  return await inRunFolder('preload', options, (folder, release) => play(options, folder, release));
}

async function play(
  options: PreloadOptions,
  folder: string,
  release: ReleaseList,
): Promise<Omit<PreloadResult, 'folder'>> {
  const { records, consumers: count, killEvery, say, signal } = options;
  const problems: string[] = [];
  const servers = await startServers(quietWorld({ seed: 0, sink: 'csv' }).starts, options, release);
  const pipeline = writePreloadPipeline(folder, options.batchSize);
  const { config } = pipeline;
  await preload(servers.rabbitmq.url, config, records, signal);
  say(`${records.toLocaleString('en')} records are in the queue`);

  const onDeath = (how: string) => void problems.push(how);
  const consumers = await makeWorkers(
    'consumer',
    count,
    workerEnv(addressesOf(servers), pipeline.path),
    { folder, onDeath },
    release,
  );
  const started = Date.now();
  await untilReady(consumers, signal);
  const emptied = new AbortController();
  const killing = killInTurn(consumers, killEvery, AbortSignal.any([emptied.signal, signal]));
  try {
    await untilDrained(servers.rabbitmq.url, config, [], signal, PATIENCE);
  } finally {
    emptied.abort();
  }
  const kills = await killing;
  await untilReady(consumers, signal);
  await untilDrained(servers.rabbitmq.url, config, consumers, signal);
  const seconds = (Date.now() - started) / 1_000;
  problems.push(...(await stopInOrder(consumers)));

  const { waiting, dead } = await queueDepths(servers.rabbitmq.url, config);
  if (waiting + dead > 0) problems.push(`${waiting} messages are left in the queue, ${dead} among the dead letters`);
  const sink = csvRows(config.sink.csv, false);
  const { audit: counts, findings, ok } = await audit({ config, truth: preloadTruth(records), sink });
  const rowsPerSecond = Math.round(records / seconds);
  const report = { records, kills, seconds, rowsPerSecond, audit: counts, ok: ok && problems.length === 0 };
  return { report, findings, problems };
}

/** @returns how many kills there were */
async function killInTurn(consumers: readonly Worker[], every: number, signal: AbortSignal): Promise<number> {
  let kills = 0;
  while (every > 0) {
    await systemClock.sleep(every, signal);
    const victim = consumers[kills % consumers.length];
    if (signal.aborted || victim === undefined) break;
    await victim.kill();
    victim.start();
    kills++;
  }
  return kills;
}

export function formatPreload({ report, findings, problems, folder }: PreloadResult): string {
  const { records, kills, seconds, rowsPerSecond, ok } = report;
  return [
    `${records.toLocaleString('en')} records, ${kills} kills: ${seconds.toFixed(1)} s, ${rowsPerSecond.toLocaleString('en')} rows/s`,
    '',
    formatTable(report),
    '',
    ...problems,
    ...(findings.length > 0 ? [formatFindings(findings)] : []),
    ok ? 'one row of each' : 'NOT OK',
    ...(folder === undefined ? [] : [`logs and output: ${folder}`]),
  ].join('\n');
}
