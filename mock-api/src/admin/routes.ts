import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isMapping } from '@tributary/shared';
import express, { type Express, type Response } from 'express';
import { type ChangeKind, CUSTOMER_KINDS, ITEM_KINDS } from '../crm/changes.js';
import type { Crm } from '../crm/crm.js';
import type { Pace } from '../crm/pace.js';
import { isoTime } from '../crm/records.js';
import { type Faults, readFaults } from '../faults/faults.js';
import type { Outage } from '../faults/outage.js';
import { badRequest, Problem, quote } from '../problem.js';
import { programsOnly } from './programs-only.js';
import { listScenarios, runScenario } from './scenarios.js';
import { inChunks, truthDocument, truthLines } from './truth.js';

/** They are applied in one step, so a larger number would delay all other requests by seconds. */
const MOST_CHANGES = 100_000;

export interface Administered {
  readonly crm: Crm;
  /** The pace of changes of all kinds together. */
  readonly pace: Pace;
  /** Further changes, of one kind each. */
  readonly streams: ReadonlyMap<ChangeKind, Pace>;
  readonly faults: Faults;
  readonly outage: Outage;
}

const anyText = express.text({ type: () => true, limit: '64mb' });

/** The routes for tests, audits and demonstrations. Clients of the API do not use them. */
export function addAdminRoutes(app: Express, { crm, pace, streams, faults, outage }: Administered): void {
  const paces = [pace, ...streams.values()];
  app.use('/admin', programsOnly);
  app.get('/admin/truth', (_request, response) => stream(response, 'application/json', truthDocument(crm)));

  /** Makes `count` changes at once, also while paused. Answers which records changed, in order. */
  app.post('/admin/changes', (request, response) => {
    response.json(crm.change(parseCount(request.query.count ?? '1')));
  });

  /** Sets how the API misbehaves from now on; `{}` for no faults. See {@link faultsSchema}. */
  app.post('/admin/faults', anyText, (request, response) => {
    const read = readFaults(JSON.parse(readJson(request.body)));
    if ('wrong' in read) throw badRequest('faults_invalid', read.wrong.join('; '));
    faults.settings = read.faults;
    response.json(faults.settings);
  });
  app.get('/admin/faults', (_request, response) => void response.json(faults.settings));

  /** The scenarios that a person can start: `[{ name, title, description }]`. */
  app.get('/admin/scenarios', (_request, response) => void response.json(listScenarios()));

  /** Runs a scenario, see scenarios.ts. Its numbers are in the query. */
  app.post('/admin/scenarios/:name', ({ params: { name }, query }, response) => {
    response.json(runScenario(name, query, crm, outage));
  });

  /** Further changes per second of the kinds that are named: `{"price": 5, "lines": 0.5}`. */
  app.post('/admin/rates', anyText, async (request, response) => {
    const rates = readRates(JSON.parse(readJson(request.body)));
    for (const [kind, perSecond] of rates) await streams.get(kind)?.setRate(perSecond);
    response.json(Object.fromEntries(rates));
  });

  app.post('/admin/pause', (_request, response) => {
    for (const one of paces) one.paused = true;
    response.json({ paused: true });
  });

  app.post('/admin/resume', (_request, response) => {
    for (const one of paces) one.paused = false;
    response.json({ paused: false });
  });

  for (const collection of [crm.customers, crm.products]) {
    const { name } = collection;
    app.get(`/admin/truth/${name}`, (_request, response) =>
      stream(response, 'application/x-ndjson', truthLines(collection)),
    );

    /** Takes any JSON, of any shape; see {@link Crm.put}. */
    app.put(`/admin/${name}/:key`, anyText, (request, response) => {
      const { entry, created } = crm.put(name, request.params.key, readJson(request.body));
      response.status(created ? 201 : 200).json({ key: entry.key, version: isoTime(entry.stamp) });
    });

    /** Removes a record for good; a put of the same key brings it back. */
    app.delete(`/admin/${name}/:key`, ({ params: { key } }, response) => {
      if (!crm.remove(name, key)) throw new Problem(404, 'not_found', `/${name} has no ${quote(key)}`);
      response.json({ key, deleted: true });
    });
  }
}

async function stream(response: Response, type: string, pieces: Iterable<string>): Promise<void> {
  response.set('Content-Type', `${type}; charset=utf-8`);
  try {
    await pipeline(Readable.from(inChunks(pieces)), response);
  } catch (error) {
    // A client that hangs up in the middle has read what it needs.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}

/** The most changes per second of one kind: each change needs its own millisecond. */
const MOST_A_SECOND = 1_000;

function readRates(value: unknown): [ChangeKind, number][] {
  const kinds: readonly ChangeKind[] = [...CUSTOMER_KINDS, ...ITEM_KINDS];
  if (!isMapping(value)) throw badRequest('rates_invalid', `expected rates by kind: ${kinds.join(', ')}`);
  return Object.entries(value).map(([name, rate]) => {
    const kind = kinds.find((one) => one === name);
    if (kind === undefined)
      throw badRequest('rates_invalid', `there is no kind ${quote(name)}; expected ${kinds.join(', ')}`);
    if (typeof rate === 'number' && rate >= 0 && rate <= MOST_A_SECOND) return [kind, rate];
    throw badRequest('rates_invalid', `${kind}: expected a number from 0 to ${MOST_A_SECOND}, not ${quote(rate)}`);
  });
}

function parseCount(value: unknown): number {
  const count = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : -1;
  if (count >= 0 && count <= MOST_CHANGES) return count;
  throw badRequest('count_invalid', `count must be a whole number up to ${MOST_CHANGES}, not ${quote(value)}`);
}

/** The JSON of a body as it was sent, but in one line. (Line breaks within strings are escaped in JSON, so they stay.) */
function readJson(body: unknown): string {
  const text = typeof body === 'string' ? body.trim() : '';
  try {
    JSON.parse(text);
  } catch (error) {
    throw badRequest('body_invalid', `the body must be one JSON value: ${(error as Error).message}`);
  }
  return text.replaceAll(/[\r\n]+/g, ' ');
}
