import type { DeadRecordGroup } from '@tributary/consumer';
import {
  count,
  type EndpointConfig,
  lostWithMemory,
  originOf,
  type PipelineConfig,
  redactUrl,
  sinkWords,
} from '@tributary/shared';
import type { Figures } from '../../library/figures.js';
import type { Summary } from '../../library/once.js';
import type { MarksPlace, Pipeline, Stats } from '../../library/pipeline.js';
import type { Spell } from '../shell/spelling.js';

type Running = Pick<Pipeline, 'config' | 'urls' | 'inMemory' | 'dashboardToken'>;

/** What runs here and where to look, in plain words. */
export function welcome(pipeline: Running, spell: Spell): string {
  const { config, urls, dashboardToken, inMemory } = pipeline;
  const { place, form } = sinkWords(config.sink);
  const endpoints = Object.entries(config.endpoints).filter(([, { enabled }]) => enabled);
  const token = dashboardToken === undefined ? [] : [`sign in with ${dashboardToken}  (until this ends)`];
  const lines = [
    ['CRM to poll', urls.mockApi === undefined ? [] : [`${urls.mockApi}  (a mock; its records change as you watch)`]],
    ['endpoint', endpoints.map(([id, endpoint]) => `${id}  ${describeOrigin(originOf(id, endpoint))}`)],
    ['dashboard', [urls.dashboard]],
    ['to act there', token],
    ['producer', [`${urls.producer}  (asked by: ${askedBy(urls.producer, spell)})`]],
    ['consumer', [urls.consumer]],
    ['output', [`${place}  (${form})`]],
    ['a batch', [`${count(config.batch.size, 'record')}, or what came in ${config.batch.interval / 1_000} s`]],
  ] as const;
  return [
    `Tributary is running: ${pathOf(pipeline)}.`,
    '',
    ...lines.flatMap(([name, texts]) => texts.map((text) => `  ${name.padEnd(14)}${text}`)),
    '',
    ...adviceOnMemory(inMemory),
    ...(inMemory.includes('ledger') ? lostWithMemory(config.endpoints).map((one) => `LOST IN MEMORY ${one}.`) : []),
    'Stop with Ctrl-C.',
    '',
  ].join('\n');
}

/** A URL without user, password and query; words as they are. */
const describeOrigin = (origin: string): string =>
  /^\w+:\/\//.test(origin) ? (redactUrl(origin).split('?')[0] ?? '') : origin;

/** Where records come from, by the kind of the source. */
const FROM = {
  rest: 'REST API',
  sql: 'database',
  files: 'files',
  webhook: 'webhooks',
  'postgres-changes': 'changes of Postgres',
  program: 'a program',
} as const satisfies Record<PipelineConfig['endpoints'][string]['source'], string>;

/** The record's way, through what there is of it here. */
function pathOf({ config, inMemory }: Running): string {
  const queues = inMemory.includes('queues') ? 'queues in memory' : 'your RabbitMQ';
  const kinds = new Set(
    Object.values(config.endpoints)
      .filter(({ enabled }) => enabled)
      .map(({ source }) => FROM[source]),
  );
  return `${kinds.size === 0 ? FROM.rest : [...kinds].join(', ')} -> producer -> ${queues} -> consumer -> ${sinkWords(config.sink).medium}`;
}

/** What is gone when this ends, and what to do about it. */
function adviceOnMemory(inMemory: Pipeline['inMemory']): readonly string[] {
  if (inMemory.includes('queues')) {
    return [
      'Queues live in memory here: what is not yet written is gone when this ends, and is polled again at the next start.',
      'So does the ledger of what was written; it is rebuilt from the output at each start.',
      'For queues that last, set AMQP_URL and REDIS_URL, or use docker compose.',
    ];
  }
  if (!inMemory.includes('ledger')) return [];
  return [
    'The ledger of what was written lives in memory here; it is rebuilt from the output at each start.',
    'For one that lasts, set REDIS_URL too.',
  ];
}

/** The command looks at the usual port unless it is told of another. */
function askedBy(producerUrl: string, spell: Spell): string {
  const command = spell('endpoints', 'list');
  return new URL(producerUrl).port === '8081' ? command : `PRODUCER_URL=${producerUrl} ${command}`;
}

/** One line of what flows. */
export function flowLine(stats: Stats): string {
  const rows = Object.entries(stats.rows).map(([dataset, written]) => `${dataset} ${written}`);
  return [
    `published ${stats.published}`,
    `accepted ${stats.accepted}`,
    `duplicate ${stats.duplicate}`,
    ...(stats.stale > 0 ? [`stale ${stats.stale}`] : []),
    ...(stats.deadLettered > 0 ? [`dead ${deadWords(stats)}`] : []),
    `in flight ${stats.inFlight}`,
    `rows: ${rows.join(', ')}`,
  ].join(' | ');
}

/** A record that is bad comes with every poll, and lies among the dead letters once. */
const deadWords = ({ deadLettered, deadAgain }: Figures): string =>
  deadAgain === 0 ? `${deadLettered}` : `${deadLettered - deadAgain} (came again: ${deadAgain})`;

/** The last line, after everything that could be written was. */
export function farewell({ rows, published, accepted }: Figures, output: string): string {
  const written = Object.values(rows).reduce((sum, one) => sum + one, 0);
  return `Stopped. Published ${published}, accepted ${accepted}, ${count(written, 'row')} written; output in ${output}.`;
}

/** The summary of `--once` for a person. */
/** @param advice lines below it */
export function describeSummary(summary: Summary, advice: readonly string[] = []): string {
  const { polled, published, accepted, duplicate, stale, rows, seconds, output, endpoints, died = [] } = summary;
  const leftOut = endpoints.reduce((sum, { filtered = 0 }) => sum + filtered, 0);
  const where = leftOut === 0 ? '' : `, left ${leftOut} out by where`;
  const gone = endpoints.reduce((sum, { deleted = 0 }) => sum + deleted, 0);
  const deletes = gone === 0 ? '' : `, deleted ${gone}`;
  return [
    `Polled ${count(polled, 'record')} from ${count(endpoints.length, 'endpoint')}${where}${deletes}, published ${published}, in ${seconds} s.`,
    `Accepted ${accepted}, duplicate ${duplicate}, stale ${stale}, dead letters ${deadWords(summary)}.`,
    ...(duplicate === 0
      ? []
      : [`  (duplicate: read again, with the content that its row has already; nothing is written for it)`]),
    ...Object.entries(rows).map(([dataset, written]) => `  ${dataset}: ${count(written, 'row')} written`),
    `Output: ${output}`,
    ...endpoints.flatMap(({ endpoint, inputs = [] }) => describeInputs(endpoint, inputs)),
    ...endpoints.flatMap(({ endpoint, error }) => (error === undefined ? [] : [`FAILED ${endpoint}: ${error}`])),
    ...endpoints.flatMap(({ endpoint, notDeleted }) =>
      notDeleted === undefined ? [] : [`NOT DELETED from ${endpoint}: ${notDeleted.reason}`],
    ),
    ...died.map(describeDied),
    ...endpoints.flatMap(({ endpoint, allDied }) =>
      allDied
        ? [`ALL DIED of ${endpoint}: correct its fields in the pipeline file, or its records at their source`]
        : [],
    ),
    ...advice,
    '',
  ].join('\n');
}

/** Files that were not read are shown one by one. */
function describeInputs(endpoint: string, inputs: NonNullable<Summary['endpoints'][number]['inputs']>): string[] {
  if (inputs.length === 0) return [];
  const read = inputs.filter(({ outcome }) => outcome === 'read');
  const bad = read.reduce((sum, one) => sum + (one.bad ?? 0), 0);
  const lines = bad === 0 ? '' : `, ${count(bad, 'bad line')} in them`;
  const others = inputs.filter(({ outcome }) => outcome !== 'read').slice(0, MOST_SHOWN);
  return [
    `  ${endpoint}: ${count(read.length, 'file')} read${lines}`,
    ...others.map(
      ({ name, outcome, reason }) => `${outcome === 'refused' ? 'NOT READ' : 'NOT READ YET'} ${name}: ${reason}`,
    ),
  ];
}

const MOST_SHOWN = 20;

/** Records that died of one fault: how many, which, and why one of them did. */
function describeDied({ endpoint, code, field, keys, count: came, again, reason }: DeadRecordGroup): string {
  const where = field === undefined ? '' : `, field ${field}`;
  const such = keys.length === 0 ? '' : `, such as ${keys.slice(0, 3).join(', ')}`;
  const records =
    again === 0
      ? count(came, 'record')
      : again < came
        ? `${count(came - again, 'record')} (came again: ${again})`
        : `again, as dead letters already, ${count(came, 'record')}`;
  return `DIED ${records} of ${endpoint}${where} (${code})${such}: ${reason}`;
}

const MARKS: Readonly<Record<MarksPlace, readonly string[]>> = {
  redis: [],
  output: ['How far the endpoints came is kept with the output: the next --once asks only for what is new.'],
  memory: [
    'How far the endpoints came is not kept: the next round polls everything again. To keep it, set REDIS_URL and AMQP_URL.',
  ],
};

/** What becomes of the marks after `--once`, where there are any. */
export function adviceOnMarks(
  { config, marks }: Pick<Pipeline, 'config' | 'marks'>,
  { withheld = [] }: Summary,
): string[] {
  const goesOn = ({ enabled, incremental, deletes }: EndpointConfig) =>
    enabled && (incremental !== undefined || deletes?.missing === true);
  if (!Object.values(config.endpoints).some(goesOn)) return [];
  const advice = [...MARKS[marks], ...(marks === 'memory' ? adviceOnMissing(config.endpoints) : [])];
  if (withheld.length === 0) return advice;
  return [
    ...advice,
    `But not of ${withheld.join(', ')}, whose dead records have no place to wait: the next --once asks for them again.`,
  ];
}

/** The keys that `deletes.missing` compares with are part of the mark. */
function adviceOnMissing(endpoints: Readonly<Record<string, EndpointConfig>>): string[] {
  const ids = Object.entries(endpoints)
    .filter(([, { enabled, deletes }]) => enabled && deletes?.missing === true)
    .map(([id]) => id);
  if (ids.length === 0) return [];
  const why = 'which records were there is not kept either';
  return [
    `NOT DELETED from ${ids.join(', ')}: what is gone before the next round stays in the output, as ${why}. For deletes.missing, set REDIS_URL and AMQP_URL.`,
  ];
}
