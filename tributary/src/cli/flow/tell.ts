import { count, sinkWords } from '@tributary/shared';
import type { Figures } from '../../library/figures.js';
import type { Summary } from '../../library/once.js';
import type { Pipeline } from '../../library/pipeline.js';
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
    ['endpoint', endpoints.map(([id, { url }]) => `${id}  ${url.split('?')[0]}`)],
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
    'Stop with Ctrl-C.',
    '',
  ].join('\n');
}

/** The record's way, through what there is of it here. */
function pathOf({ config, inMemory }: Running): string {
  const queues = inMemory.includes('queues') ? 'queues in memory' : 'your RabbitMQ';
  return `REST API -> producer -> ${queues} -> consumer -> ${sinkWords(config.sink).medium}`;
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
export function flowLine(figures: Figures, unsettled: number): string {
  const rows = Object.entries(figures.rows).map(([dataset, written]) => `${dataset} ${written}`);
  return [
    `published ${figures.published}`,
    `accepted ${figures.accepted}`,
    `duplicate ${figures.duplicate}`,
    ...(figures.stale > 0 ? [`stale ${figures.stale}`] : []),
    ...(figures.deadLettered > 0 ? [`dead ${figures.deadLettered}`] : []),
    `in flight ${unsettled}`,
    `rows: ${rows.join(', ')}`,
  ].join(' | ');
}

/** The last line, after everything that could be written was. */
export function farewell({ rows, published, accepted }: Figures, output: string): string {
  const written = Object.values(rows).reduce((sum, one) => sum + one, 0);
  return `Stopped. Published ${published}, accepted ${accepted}, ${count(written, 'row')} written; output in ${output}.`;
}

/** The summary of `--once` for a person. */
export function describeSummary(summary: Summary): string {
  const { polled, published, accepted, duplicate, stale, deadLettered, rows, seconds, output, endpoints } = summary;
  const leftOut = endpoints.reduce((sum, { filtered = 0 }) => sum + filtered, 0);
  const where = leftOut === 0 ? '' : `, left ${leftOut} out by where`;
  return [
    `Polled ${count(polled, 'record')} from ${count(endpoints.length, 'endpoint')}${where}, published ${published}, in ${seconds} s.`,
    `Accepted ${accepted}, duplicate ${duplicate}, stale ${stale}, dead letters ${deadLettered}.`,
    ...Object.entries(rows).map(([dataset, written]) => `  ${dataset}: ${count(written, 'row')} written`),
    `Output: ${output}`,
    ...endpoints.flatMap(({ endpoint, error }) => (error === undefined ? [] : [`FAILED ${endpoint}: ${error}`])),
    '',
  ].join('\n');
}
