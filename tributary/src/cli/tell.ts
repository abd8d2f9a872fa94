import { count, sinkWords } from '@tributary/shared';
import type { Figures } from '../library/figures.js';
import type { Summary } from '../library/once.js';
import type { Pipeline } from '../library/pipeline.js';

/** What runs here and where to look, in plain words. */
export function welcome({ config, urls, dashboardToken, inMemory }: Pipeline): string {
  const { place, form } = sinkWords(config.sink);
  const endpoints = Object.entries(config.endpoints).filter(([, { enabled }]) => enabled);
  const lines = [
    'Tributary is running: REST API -> producer -> queues -> consumer -> files, all in this process.',
    '',
    ...(urls.mockApi === undefined
      ? []
      : [`  CRM to poll   ${urls.mockApi}  (a mock; its records change as you watch)`]),
    ...endpoints.map(([id, { url }]) => `  endpoint      ${id}  ${url.split('?')[0]}`),
    `  dashboard     ${urls.dashboard}`,
    ...(dashboardToken === undefined ? [] : [`  to act there  sign in with ${dashboardToken}  (until this ends)`]),
    `  producer      ${urls.producer}  (asked by: ${askedBy(urls.producer)})`,
    `  consumer      ${urls.consumer}`,
    `  output        ${place}  (${form})`,
    `  a batch       ${count(config.batch.size, 'record')}, or what came in ${config.batch.interval / 1_000} s`,
    '',
    ...(inMemory.includes('queues')
      ? [
          'Queues live in memory here: what is not yet written is gone when this ends, and is polled again at the next start.',
        ]
      : []),
    ...(inMemory.includes('ledger')
      ? ['So does the ledger of what was written; it is rebuilt from the output at each start.']
      : []),
    ...(inMemory.length > 0 ? ['For queues that last, set AMQP_URL and REDIS_URL, or use docker compose.'] : []),
    'Stop with Ctrl-C.',
    '',
  ];
  return lines.join('\n');
}

/** The command looks at the usual port unless it is told of another. */
function askedBy(producerUrl: string): string {
  const command = 'npm run endpoints -- list';
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
  return [
    `Polled ${count(polled, 'record')} from ${count(endpoints.length, 'endpoint')}, published ${published}, in ${seconds} s.`,
    `Accepted ${accepted}, duplicate ${duplicate}, stale ${stale}, dead letters ${deadLettered}.`,
    ...Object.entries(rows).map(([dataset, written]) => `  ${dataset}: ${count(written, 'row')} written`),
    `Output: ${output}`,
    ...endpoints.flatMap(({ endpoint, error }) => (error === undefined ? [] : [`FAILED ${endpoint}: ${error}`])),
    '',
  ].join('\n');
}
