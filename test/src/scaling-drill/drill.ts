import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { count, loadPipeline, type ReleaseList } from '@tributary/shared';
import { startPrivatePrometheus } from '../../services/prometheus.js';
import { audit } from '../audit/audit.js';
import { type AuditReport, formatTable } from '../audit/report.js';
import { csvRows } from '../audit/sinks/csv.js';
import { apiTruth } from '../audit/truth.js';
import { inRunFolder } from '../chaos/folder.js';
import { queueDepths } from '../chaos/queues.js';
import { addressesOf, startServers } from '../chaos/servers.js';
import { stopInOrder, twoMorePolls, untilDrained } from '../chaos/settle.js';
import { makeWorkers, untilReady, workerEnv } from '../chaos/stage.js';
import { until } from '../chaos/until.js';
import type { Worker } from '../chaos/worker.js';
import { quietWorld } from '../chaos/world/world.js';
import { Autoscaler } from './autoscaler.js';
import { readScaling } from './scaled-object.js';

export interface DrillOptions {
  /** Customers of the mock CRM: the first poll brings all of them. */
  readonly customers: number;
  /** Consumers at most, fewer than the ScaledObject allows: they share one machine. */
  readonly consumers: number;
  /** Thresholds and times of the ScaledObject are divided by it. */
  readonly factor: number;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

export interface DrillReport {
  /** The largest backlog and age that Prometheus told. */
  readonly backlog: number;
  readonly oldestSeconds: number;
  /** How many consumers ran, at the most and at the end. */
  readonly most: number;
  readonly last: number;
  readonly started: number;
  readonly stopped: number;
  /** From the start of the scaler until there were as few as before the burst again. */
  readonly seconds: number;
  readonly deadLetters: number;
  readonly audit: AuditReport['audit'];
  readonly ok: boolean;
}

export interface DrillResult {
  readonly report: DrillReport;
  readonly table: string;
  readonly problems: readonly string[];
  readonly folder: string | undefined;
}

/** The top of the checkout, from dist/src/scaling-drill. */
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

/** Milliseconds for the burst to be polled, and for it to be written and the consumers to be gone again. */
const PATIENCE = 90_000;

/**
 * Lets a burst come in while no consumer runs. Then a scaler asks a real Prometheus the queries of the ScaledObject, and starts and stops real consumers as
 * Kubernetes would, until there are as few as before. Records change all the while. In the end the audit compares what landed.
 */
export const runDrill = (options: DrillOptions): Promise<DrillResult> =>
  inRunFolder('scaling', options, (folder, release) => play(options, folder, release));

async function play(options: DrillOptions, folder: string, release: ReleaseList) {
  const { customers, factor, say, signal } = options;
  const problems: string[] = [];
  const onDeath = (how: string) => void problems.push(how);
  const servers = await startServers(quietWorld({ seed: 0, sink: 'csv' }).starts, options, release);
  const crm = { MOCK_CUSTOMERS: String(customers), MOCK_ITEMS: '200', MOCK_CHANGES_PER_SECOND: '20', MOCK_SEED: '42' };
  const [api] = await makeWorkers('mock-api', 1, crm, { folder, onDeath }, release);
  if (api === undefined) throw new Error('no API');
  const file = join(ROOT, 'pipeline.yaml');
  const filled = { CRM_URL: api.url, POLL_INTERVAL: '1s', BATCH_INTERVAL: '1s', OUTPUT_DIR: join(folder, 'output') };
  const config = loadPipeline(file, filled);
  const env = { ...workerEnv(addressesOf(servers), file, 'info'), ...filled };
  const producers = await makeWorkers('producer', 1, env, { folder, onDeath }, release);
  const consumers = await makeWorkers('consumer', options.consumers, env, { folder, onDeath }, release);
  const hosts = (workers: readonly Worker[]) => workers.map(({ url }) => new URL(url).host);
  const targets = { producer: hosts(producers), consumer: hosts(consumers) };
  const prometheus = await startPrivatePrometheus({ folder: join(ROOT, 'deploy', 'prometheus'), targets }, say);
  release.add('Prometheus', () => prometheus.stop());
  await untilReady([api, ...producers], signal);

  const scaling = readScaling(ROOT, 'consumer', factor);
  const bounded = { ...scaling, minReplicaCount: 1, maxReplicaCount: consumers.length };
  const ask = (query: string) => prometheus.query(query).then(([sample]) => sample && Number(sample.value[1]));
  const values = () => Promise.all(scaling.triggers.map(({ query }) => ask(query)));
  say(`a burst of ${customers} customers comes in, and no consumer runs`);
  let [backlog = 0, oldestSeconds = 0] = [0, 0];
  const note = ([records = 0, age = 0]: readonly (number | undefined)[]) => {
    backlog = Math.max(backlog, records);
    oldestSeconds = Math.max(oldestSeconds, Math.round(age));
  };
  await until(
    'the burst waits',
    async () => {
      const now = await values();
      note(now);
      return (now[0] ?? 0) >= customers ? undefined : `${now[0]} records wait`;
    },
    { timeout: PATIENCE, signal, every: 500 },
  );

  say('the scaler begins');
  const began = performance.now();
  const autoscaler = new Autoscaler(bounded);
  let running: Worker[] = [];
  let [told, most, started, stopped] = [0, 0, 0, 0];
  await until(
    'the burst is written, and the consumers are few again',
    async () => {
      const now = await values();
      note(now);
      const wanted = autoscaler.next(performance.now() / 1_000, running.length, now);
      if (wanted > running.length) {
        const more = consumers.filter((one) => !running.includes(one)).slice(0, wanted - running.length);
        await untilReady(more, signal);
        running = [...running, ...more];
        started += more.length;
      } else if (wanted < running.length) {
        const fewer = running.slice(wanted);
        problems.push(...(await stopInOrder(fewer)));
        running = running.slice(0, wanted);
        stopped += fewer.length;
      }
      if (told !== running.length) {
        told = running.length;
        const [records = 0, age = 0] = now.map((value) => Math.round(value ?? 0));
        say(`${count(records, 'record')} waited, the oldest for ${age} s: ${count(told, 'consumer')}`);
      }
      most = Math.max(most, running.length);
      const isOver = stopped > 0 && running.length === bounded.minReplicaCount;
      return isOver ? undefined : `${running.length} consumers run, ${now[0]} records wait`;
    },
    { timeout: PATIENCE, signal, every: 1_000 },
  );
  const seconds = Math.round((performance.now() - began) / 1_000);

  await fetch(`${api.url}/admin/pause`, { method: 'POST' });
  await twoMorePolls(producers, signal);
  problems.push(...(await stopInOrder(producers)));
  await untilDrained(servers.rabbitmq.url, config, running, signal, PATIENCE);
  const { dead } = await queueDepths(servers.rabbitmq.url, config);
  problems.push(...(await stopInOrder(running)));
  const rows = csvRows(config.sink.csv, false);
  const judged = await audit({ config, truth: apiTruth(config), sink: rows }).finally(() => rows.close());
  if (most < 2) problems.push(`never more than ${most} consumer ran`);
  if (dead > 0) problems.push(`${dead} dead letters`);
  const ok = judged.ok && problems.length === 0;
  const report: DrillReport = {
    backlog,
    oldestSeconds,
    most,
    last: running.length,
    started,
    stopped,
    seconds,
    deadLetters: dead,
    audit: judged.audit,
    ok,
  };
  return { report, table: formatTable(judged), problems };
}
