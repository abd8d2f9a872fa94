import { type AuditReport, formatFindings, formatTable } from '../audit/report.js';
import { FAULT_KINDS, type FaultKind } from './plan.js';
import type { UpgradeReport } from './upgrade/rolling.js';

export interface ChaosReport {
  readonly seconds: number;
  readonly seed: number;
  readonly sink: string;
  readonly source: string;
  readonly world: boolean;
  readonly kills: Readonly<Record<FaultKind, number>>;
  readonly audit: AuditReport['audit'];
  readonly deadLettered: number;
  readonly ok: boolean;
  /** Where services of a version from before ran, too. */
  readonly upgrade?: UpgradeReport;
}

/** The report with what only people read. */
export interface ChaosResult {
  readonly report: ChaosReport;
  readonly findings: AuditReport['findings'];
  /** Rows that repeat the row before them because the change in between was overtaken by a crash; they are no duplicates. */
  readonly overtaken: number;
  /** What went wrong beside the audit: a process that ended by itself, or did not end when it was told to. */
  readonly problems: readonly string[];
  /** Rows that landed from the first fault to the end of the last: proof that work went on under them. */
  readonly rowsUnderFire: number;
  /** Where the logs are, if they were kept. */
  readonly folder: string | undefined;
}

const NAMES: Readonly<Record<FaultKind, string>> = {
  producer: 'kills of a producer',
  consumer: 'kills of a consumer',
  pause: 'pauses of a consumer past its lease',
  rabbitmq: 'restarts of RabbitMQ',
  redisFlush: 'flushes of Redis',
  redisRestart: 'restarts of Redis',
  postgres: 'outages of Postgres',
  source: 'outages of the source',
  slowLink: 'slow networks',
  silentLink: 'silent networks',
  deafLink: 'half-open networks',
  cutLink: 'connections cut in the middle of a frame',
  silentRedis: 'stops of Redis (SIGSTOP)',
  silentRabbitMQ: 'stops of RabbitMQ (SIGSTOP)',
  memoryAlarm: 'memory alarms of RabbitMQ',
  fullDisk: 'full disks',
  clock: 'jumps of a clock',
  redisClock: 'jumps of the clock of Redis',
  redisFailover: 'failovers of Redis, with its last writes lost',
  postgresFailover: 'failovers of Postgres, with its last writes lost',
  sinkBack: 'returns of the sink to an older state',
  brokerEmpty: 'losses of all that RabbitMQ held',
  purge: 'purges of a queue',
  queueDeleted: 'deletions of a queue',
  rowsRemoved: 'removals of all rows of a dataset',
  tableLocked: 'locks of a table',
  deadPolicy: 'limits of the dead letters',
  foreign: 'times that another program sent what is no record',
};

export function formatResult({ report, findings, overtaken, problems, rowsUnderFire, folder }: ChaosResult): string {
  const { kills, seconds, seed, source, sink, deadLettered, ok } = report;
  const total = FAULT_KINDS.reduce((sum, kind) => sum + kills[kind], 0);
  const kinds = FAULT_KINDS.filter((kind) => kills[kind] > 0).map((kind) => `${kills[kind]} ${NAMES[kind]}`);
  return [
    `seed ${seed}, ${seconds} s, source ${source}, sink ${sink}: ${total} kills and outages`,
    ...kinds.map((kind) => `  ${kind}`),
    `  ${rowsUnderFire.toLocaleString('en')} rows landed meanwhile`,
    ...(report.upgrade === undefined ? [] : [formatUpgrade(report.upgrade)]),
    ...(overtaken > 0 ? [`  ${overtaken} of them A of A, B, A, where a crash overtook B`] : []),
    '',
    formatTable(report),
    '',
    `${deadLettered} dead letters`,
    ...problems,
    ...(findings.length > 0 ? [formatFindings(findings)] : []),
    ok ? 'no record lost, none twice' : 'NOT OK',
    ...(folder === undefined ? [] : [`logs and output: ${folder}`]),
  ].join('\n');
}

function formatUpgrade({ from, replaced, rows }: UpgradeReport): string {
  return `  ${replaced} times a service went on as another version: from ${from} to this one, back, and forward again. Rows that landed with only the older one: ${rows.older.toLocaleString('en')}, with both: ${rows.both.toLocaleString('en')}, with only this one: ${rows.this.toLocaleString('en')}`;
}
