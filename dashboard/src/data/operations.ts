import { pipeline } from 'node:stream/promises';
import { type Rate, sinkWords } from '@tributary/shared';
import type { Response } from 'express';
import { z } from 'zod';
import { ASKING } from '../access/rate-limit.js';
import type { AuditedAct } from '../audit/audit.js';
import { notFound } from '../http/api-error.js';
import { DOWNLOADS, SEARCHES } from '../http/loads.js';
import { type Operation, operation } from '../http/operation.js';
import * as answers from './answers.js';
import { checkConditions } from './conditions.js';
import { sendCsv, sendNdjson } from './download.js';
import { chartQuery, rowQuery, selection } from './query.js';
import type { Download } from './readers/port.js';

const params = { name: z.string().describe('A dataset of the pipeline') };

const CSV = 'text/csv; charset=utf-8; header=present';

/** How often one address may download: each time there are two more lines in the audit log, which nothing shortens. */
const DOWNLOADING: Rate = { burst: 60, perSecond: 1 };

/** What landed. Names in requests are looked up among the pipeline's datasets, and nowhere else. */
export const dataOperations: readonly Operation[] = [
  operation({
    method: 'get',
    path: '/datasets',
    summary: 'Every dataset with its numbers',
    role: 'viewer',
    body: 'none',
    rate: ASKING,
    load: 'light',
    answer: answers.datasets,
    handler: async (_call, { config, instance, reader }) => ({
      sink: sinkWords(config.sink).description,
      instance,
      datasets: await reader.list(),
    }),
  }),
  // Before the dataset itself, whose route would take the ending for a part of the name.
  downloadOf('csv', 'text/csv', 'A selection as one CSV file (RFC 4180)', sendCsv),
  downloadOf('ndjson', 'application/x-ndjson', 'A selection, one JSON object a line', sendNdjson),
  operation({
    method: 'get',
    path: '/datasets/{name}',
    summary: 'A dataset with its columns and files',
    role: 'viewer',
    body: 'none',
    rate: ASKING,
    load: 'light',
    params,
    answer: answers.dataset,
    handler: async ({ params: { name } }, { reader }) => known(await reader.describe(name), name),
  }),
  operation({
    method: 'get',
    path: '/datasets/{name}/rows',
    summary: 'A page of rows, the newest first',
    role: 'viewer',
    body: 'none',
    rate: ASKING,
    load: SEARCHES,
    params,
    query: rowQuery,
    answer: answers.rows,
    async handler({ params: { name }, query, signal }, { config, reader }) {
      const page = known(
        await reader.rows(name, { ...query, where: checkConditions(config, name, query.where) }, signal),
        name,
      );
      return { dataset: name, ...query, sort: query.sort ?? null, ...page };
    },
  }),
  operation({
    method: 'get',
    path: '/datasets/{name}/facets',
    summary: 'How often each value occurs',
    role: 'viewer',
    body: 'none',
    rate: ASKING,
    load: SEARCHES,
    params,
    query: selection,
    answer: answers.facets,
    async handler({ params: { name }, query, signal }, { config, reader }) {
      const where = checkConditions(config, name, query.where);
      const facets = known(await reader.facets(name, { ...query, where }, signal), name);
      return { dataset: name, ...query, ...facets };
    },
  }),
  operation({
    method: 'get',
    path: '/datasets/{name}/profile',
    summary: 'What the values of each column are like',
    role: 'viewer',
    body: 'none',
    rate: ASKING,
    load: SEARCHES,
    params,
    query: { view: selection.view },
    answer: answers.profile,
    async handler({ params: { name }, query: { view }, signal }, { reader }) {
      return { dataset: name, view, ...known(await reader.profile(name, view, signal), name) };
    },
  }),
  operation({
    method: 'get',
    path: '/datasets/{name}/chart',
    summary: 'All rows of a selection as a chart',
    role: 'viewer',
    body: 'none',
    rate: ASKING,
    load: SEARCHES,
    params,
    query: chartQuery,
    answer: answers.chart,
    async handler({ params: { name }, query, signal }, { config, reader }) {
      const where = checkConditions(config, name, query.where);
      const chart = known(await reader.chart(name, { ...query, where }, signal), name);
      return { dataset: name, ...query, y: query.y ?? null, by: query.by ?? null, ...chart };
    },
  }),
  operation({
    method: 'get',
    path: '/datasets/{name}/parts/{part}',
    summary: 'One file as it is on disk',
    role: 'viewer',
    body: 'none',
    rate: DOWNLOADING,
    load: DOWNLOADS,
    params: { ...params, part: z.string().describe('As the dataset names it') },
    answer: 'text/csv',
    async handler({ params: { name, part }, response, actor }, { reader, audit }) {
      const found = await reader.part(name, part);
      if (found === undefined) throw notFound(`${name.slice(0, 80)} has no part of that name`);
      response.set({
        'Content-Type': CSV,
        'Content-Disposition': `attachment; filename="${part.replaceAll(/[^\w.-]/g, '_')}"`,
        'Content-Length': String(found.bytes),
      });
      const bytes = found.read();
      const act = await audit.begin(actor, 'download', { dataset: name, file: part }).catch((error: unknown) => {
        bytes.destroy();
        throw error;
      });
      await audited(act, () => pipeline(bytes, response));
    },
  }),
];

/** @param format the ending of the file's name */
function downloadOf(
  format: string,
  answer: 'text/csv' | 'application/x-ndjson',
  summary: string,
  send: (response: Response, fileName: string, download: Download | undefined) => Promise<void>,
): Operation {
  return operation({
    method: 'get',
    path: `/datasets/{name}.${format}`,
    summary,
    role: 'viewer',
    body: 'none',
    rate: DOWNLOADING,
    load: DOWNLOADS,
    params,
    query: selection,
    answer,
    async handler({ params: { name }, query, request, response, actor, signal }, { config, reader, audit }) {
      const where = checkConditions(config, name, query.where);
      const download = known(await reader.download(name, { ...query, where }, signal), name);
      const fileName = query.view === 'history' ? `${name}-history.${format}` : `${name}.${format}`;
      if (request.method === 'HEAD') return send(response, fileName, undefined);
      const act = await audit.begin(actor, 'download', { dataset: name, file: fileName });
      await audited(act, () => send(response, fileName, download));
    },
  });
}

/** That a client went away, or that the rows ended with an error, must not look as if it had got all. */
async function audited(act: AuditedAct, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    await act.note('failed', { why: 'not_sent_whole' });
    throw error;
  }
  await act.note('done');
}

function known<T>(found: T | undefined, name: string): T {
  if (found === undefined) throw notFound(`there is no dataset "${name.slice(0, 80)}" in this pipeline`);
  return found;
}
