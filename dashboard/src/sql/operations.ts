import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { RetryableError } from '@tributary/shared';
import type { Response } from 'express';
import { z } from 'zod';
import { ASKING } from '../access/rate-limit.js';
import { mayAct } from '../access/roles.js';
import type { Actor } from '../audit/audit.js';
import { ApiError, badRequest, notFound } from '../http/api-error.js';
import type { Context } from '../http/context.js';
import { QUERIES, SEARCHES } from '../http/loads.js';
import { type Operation, operation } from '../http/operation.js';
import { auditedQuery } from './audited-query.js';
import { lengthOf } from './bounded-rows.js';
import { textOf } from './files.js';
import { placeWords } from './place-words.js';
import { type Cell, SQL_FORMATS, SQL_TYPES, SqlError, type SqlFormat, type SqlQuestion } from './port.js';

/** Rows that the page shows at most. */
const ROWS = 1_000;
/** Seconds for what the page shows, and for a file. */
const SECONDS = 30;
const FILE_SECONDS = 300;
/** Bytes of a Parquet file, which is whole on the disk before it is sent. */
const FILE_BYTES = 2_000_000_000;
/** Characters: the query stands in the address of the page and of files. */
const LONGEST = 8_000;
/** Characters of results that the page is sent. */
const MOST = 4_000_000;
/** Characters of a value that the page is sent. */
const LONGEST_VALUE = 100_000;

/** Each query stands in the audit log, which nothing shortens. */
const ASKING_SQL = { burst: 60, perSecond: 0.5 };

const query = z
  .string({ error: 'expected a query' })
  .min(1, 'expected a query')
  .max(LONGEST, `is longer than ${LONGEST.toLocaleString('en')} characters`)
  .describe('One SELECT in the SQL of DuckDB (CSV sink) or PostgreSQL (Postgres sink)');
const column = z.strictObject({ name: z.string(), type: z.enum(SQL_TYPES) });
const savedQuery = z.strictObject({ name: z.string(), query: z.string(), who: z.string(), at: z.iso.datetime() });
/** Dots alone are lost from an address, so that nothing could remove it; what cannot be seen would look like another one's name. */
export const queryName = z
  .string()
  .trim()
  .min(1, 'expected a name')
  .max(80, 'is longer than 80 characters')
  .refine(
    (text) => !/^\.{1,2}$|[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/u.test(text),
    'is no name: it holds characters that cannot be seen, or dots alone',
  );

const TYPES = {
  csv: 'text/csv',
  ndjson: 'application/x-ndjson',
  json: 'application/json',
  parquet: 'application/vnd.apache.parquet',
} as const satisfies Record<SqlFormat, string>;

/** Queries over all datasets. They only read; see sql/port.ts for what holds that. */
export const sqlOperations: readonly Operation[] = [
  operation({
    method: 'get',
    path: '/sql',
    summary: 'What can be asked in SQL: tables, limits, and the queries that were saved',
    role: 'viewer',
    body: 'none',
    rate: ASKING,
    // Its answer has all queries that were saved: a megabyte.
    load: SEARCHES,
    answer: z.strictObject({
      dialect: z.enum(['DuckDB', 'PostgreSQL']),
      /** Whether this person may. */
      allowed: z.boolean(),
      role: z.enum(['viewer', 'operator', 'admin', 'off']),
      rows: z.int(),
      seconds: z.int(),
      tables: z.array(
        z.strictObject({
          name: z.string(),
          dataset: z.string(),
          view: z.enum(['latest', 'history']),
          columns: z.array(column),
        }),
      ),
      queries: z.array(savedQuery),
    }),
    async handler({ actor }, { sql: { engine, role, saved } }) {
      const allowed = role !== 'off' && mayAct(actor.role, role);
      const [tables, queries] = await Promise.all([engine.tables(), saved.list()]);
      return { dialect: engine.dialect, allowed, role, rows: ROWS, seconds: SECONDS, tables, queries };
    },
  }),
  operation({
    method: 'post',
    path: '/sql',
    summary: 'Ask a query; at most 1,000 rows',
    role: 'viewer',
    body: { schema: z.strictObject({ query }), limit: 8 * LONGEST },
    rate: ASKING_SQL,
    load: QUERIES,
    answer: z.strictObject({
      columns: z.array(column),
      rows: z.array(z.array(z.union([z.string(), z.number(), z.boolean(), z.null()]))),
      cut: z.enum(['rows', 'size']).nullable(),
      shortened: z
        .int()
        .describe(`Values that are longer: they end behind ${LONGEST_VALUE.toLocaleString('en')} characters, with a …`),
      asOf: z.iso.datetime(),
      milliseconds: z.number(),
    }),
    async handler({ body, actor, signal }, context) {
      const began = performance.now();
      return await audited(body.query, actor, signal, context, async () => {
        const limits = { maxRows: ROWS, longest: LONGEST_VALUE, seconds: SECONDS };
        const result = await context.sql.engine.run(body.query, { signal, ...limits });
        const rows: (readonly Cell[])[] = [];
        let size = 0;
        let shortened = 0;
        for await (const batch of result.rows) {
          for (const row of batch) {
            const lengths = row.map(lengthOf);
            size += lengths.reduce((sum, length) => sum + length, 0);
            if (size > MOST) break;
            shortened += lengths.filter((length) => length > LONGEST_VALUE).length;
            rows.push(row);
          }
          if (size > MOST) break;
        }
        const cut = size > MOST ? ('size' as const) : result.isCut() ? ('rows' as const) : null;
        const { columns, asOf } = result;
        const milliseconds = Math.round(performance.now() - began);
        return [{ columns, rows, cut, shortened, asOf, milliseconds }, rows.length];
      });
    },
  }),
  ...SQL_FORMATS.map((format) => fileOf(format)),
  operation({
    method: 'post',
    path: '/sql/queries',
    summary: 'Save a query under a name, for everybody',
    role: 'operator',
    body: { schema: z.strictObject({ name: queryName, query }), limit: 8 * LONGEST },
    rate: ASKING_SQL,
    load: 'light',
    answer: savedQuery,
    async handler({ body, actor }, { sql: { saved }, audit }) {
      const act = await audit.begin(actor, 'save_query', { name: body.name, ...auditedQuery(body.query) });
      const one = await saved.save({ ...body, who: actor.name });
      await act.note('done');
      return one;
    },
  }),
  operation({
    method: 'delete',
    path: '/sql/queries/{name}',
    summary: 'Remove a saved query',
    role: 'operator',
    body: 'none',
    rate: ASKING_SQL,
    load: 'light',
    params: { name: z.string() },
    answer: 'none',
    status: 204,
    async handler({ params, actor }, { sql: { saved }, audit }) {
      const known = await saved.list();
      if (known.every((one) => one.name !== params.name)) throw notFound('no query is saved under that name');
      const act = await audit.begin(actor, 'remove_query', { name: params.name });
      await saved.remove(params.name);
      await act.note('done');
    },
  }),
];

function fileOf(format: SqlFormat): Operation {
  return operation({
    method: 'get',
    path: `/sql.${format}`,
    summary: `All that a query gives, as ${format === 'parquet' ? 'Parquet' : format.toUpperCase()}`,
    role: 'viewer',
    body: 'none',
    rate: ASKING_SQL,
    load: QUERIES,
    query: { query },
    answer: TYPES[format],
    async handler({ query, request, response, actor, signal }, context) {
      response.set({
        'Content-Type': format === 'parquet' ? TYPES.parquet : `${TYPES[format]}; charset=utf-8`,
        'Content-Disposition': `attachment; filename="query.${format}"`,
      });
      if (request.method === 'HEAD') {
        response.end();
        return;
      }
      await audited(query.query, actor, signal, context, async () => {
        const question = { signal, seconds: FILE_SECONDS };
        return [undefined, await send(query.query, format, response, question, context)];
      });
    },
  });
}

/** @returns how many rows, if that is known */
async function send(sql: string, format: SqlFormat, response: Response, question: SqlQuestion, context: Context) {
  const { config } = context;
  const { engine } = context.sql;
  if (format !== 'parquet') {
    const result = await engine.run(sql, question);
    // A client that goes ends the rows, and one that stays gets all or a connection that is cut.
    await pipeline(Readable.from(textOf(result, format, config.sink.csv)), response);
    return undefined;
  }
  const folder = await mkdtemp(join(context.sql.folder ?? tmpdir(), 'tributary-sql-'));
  try {
    const file = join(folder, 'query.parquet');
    const { rows } = await engine.writeTo(sql, file, 'parquet', { ...question, maxBytes: FILE_BYTES });
    await pipeline(createReadStream(file), response);
    return rows;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Writes down who asked what, and says in words what is wrong. */
async function audited<T>(
  sql: string,
  actor: Actor,
  signal: AbortSignal,
  context: Context,
  work: () => Promise<readonly [answer: T, rows: number | undefined]>,
): Promise<T> {
  const { role } = context.sql;
  if (role === 'off') throw new ApiError(403, 'sql_off', 'SQL is turned off here: DASHBOARD_SQL says so');
  if (!mayAct(actor.role, role)) throw new ApiError(403, 'forbidden', `to ask in SQL needs the role ${role}`);
  if (sql.includes('\0')) throw badRequest('the query holds a NUL character');
  const act = await context.audit.begin(actor, 'sql', auditedQuery(sql));
  try {
    const [answer, rows] = await work();
    await act.note('done', rows === undefined ? {} : { done: rows });
    return answer;
  } catch (error) {
    const isKnown = error instanceof SqlError || error instanceof RetryableError;
    await act.note('failed', { why: signal.aborted ? 'left' : isKnown ? error.code : 'internal' });
    signal.throwIfAborted();
    if (!(error instanceof SqlError)) throw error;
    throw new ApiError(422, error.code, placeWords(sql, error));
  }
}
