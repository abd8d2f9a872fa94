import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { encodeCell } from '@tributary/shared';
import type { Response } from 'express';
import { format } from 'fast-csv';
import type { AuditAction } from './actions.js';

/** The formats of an export, by the ending of the file's name. */
export const AUDIT_EXPORTS = {
  csv: { answer: 'text/csv', type: 'text/csv; charset=utf-8; header=present', send: sendCsv },
  ndjson: { answer: 'application/x-ndjson', type: 'application/x-ndjson; charset=utf-8', send: sendNdjson },
} as const;
export type AuditExport = keyof typeof AUDIT_EXPORTS;

/**
 * Sends actions as a file. If they end with an error, the connection is cut, so that no client takes half a file for the whole.
 * @param actions undefined to send the headers alone, for HEAD
 */
export async function exportActions(
  kind: AuditExport,
  response: Response,
  actions: AsyncIterable<AuditAction> | undefined,
): Promise<void> {
  const { type, send } = AUDIT_EXPORTS[kind];
  response.set({ 'Content-Type': type, 'Content-Disposition': `attachment; filename="audit.${kind}"` });
  if (actions === undefined) {
    response.end();
    return;
  }
  await send(response, actions);
}

const COLUMNS: Readonly<Record<string, (action: AuditAction) => string>> = {
  at: ({ at }) => at,
  ended_at: ({ endedAt }) => endedAt ?? '',
  who: ({ who }) => who,
  role: ({ role }) => role,
  from: ({ from }) => from,
  action: ({ action }) => action,
  outcome: ({ outcome }) => outcome,
  records: ({ records }) => String(records),
  stayed: ({ stayed }) => String(stayed ?? ''),
  detail: ({ detail }) => JSON.stringify(detail),
  keys: ({ keys }) => keys.join(', '),
  why: ({ why }) => why ?? '',
  request: ({ request }) => request,
};

const TEXT = { type: 'string', optional: false, maxLength: 100_000 } as const;

async function sendCsv(response: Response, actions: AsyncIterable<AuditAction>): Promise<void> {
  const csv = format({
    headers: Object.keys(COLUMNS),
    alwaysWriteHeaders: true,
    rowDelimiter: '\r\n',
    includeEndRowDelimiter: true,
  });
  async function* rows() {
    // A key or a reason may be text that a spreadsheet would take for a formula.
    for await (const action of actions)
      yield Object.values(COLUMNS).map((read) => encodeCell(read(action), TEXT, true));
  }
  await pipeline(Readable.from(rows()), csv, response);
}

async function sendNdjson(response: Response, actions: AsyncIterable<AuditAction>): Promise<void> {
  async function* lines() {
    for await (const action of actions) yield `${JSON.stringify(action)}\n`;
  }
  await pipeline(Readable.from(lines()), response);
}
