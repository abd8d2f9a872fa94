import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { stringifyJson } from '@tributary/shared';
import type { Response } from 'express';
import { format } from 'fast-csv';
import type { Download } from './readers/port.js';

/**
 * Sends rows as one CSV file (RFC 4180: one header, CRLF), as fast as the client takes them. Cells are as the sink wrote
 * them: what it neutralised for spreadsheets stays so. If the rows end with an error, the connection is cut, so that no
 * client takes half a file for the whole.
 *
 * @param fileName the name under which the browser saves it; letters, digits, `-`, `_` and `.` only
 * @param download undefined to send the headers alone, for HEAD
 */
export async function sendCsv(response: Response, fileName: string, download: Download | undefined): Promise<void> {
  response.set({
    'Content-Type': 'text/csv; charset=utf-8; header=present',
    'Content-Disposition': `attachment; filename="${fileName}"`,
  });
  if (download === undefined) {
    response.end();
    return;
  }
  const csv = format({
    headers: [...download.columns],
    alwaysWriteHeaders: true,
    rowDelimiter: '\r\n',
    includeEndRowDelimiter: true,
  });
  await pipeline(Readable.from(download.rows), csv, response);
}

/** As {@link sendCsv}, but one JSON object a line: values have their types, and columns without a value are left out. */
export async function sendNdjson(response: Response, fileName: string, download: Download | undefined): Promise<void> {
  response.set({
    'Content-Type': 'application/x-ndjson; charset=utf-8',
    'Content-Disposition': `attachment; filename="${fileName}"`,
  });
  if (download === undefined) {
    response.end();
    return;
  }
  await pipeline(Readable.from(jsonLines(download)), response);
}

/** Characters that are sent at once: to send each row by itself would cost more than to read it. */
const CHUNK = 64 * 1024;

async function* jsonLines({ columns, rows, decode }: Download): AsyncGenerator<string> {
  let chunk = '';
  for await (const cells of rows) {
    const values = columns.map((name, index) => [name, decode(name, cells[index] ?? '')] as const);
    chunk += `${stringifyJson(Object.fromEntries(values))}\n`;
    if (chunk.length < CHUNK) continue;
    yield chunk;
    chunk = '';
  }
  yield chunk;
}
