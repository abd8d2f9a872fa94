import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Response } from 'express';
import { format } from 'fast-csv';
import type { Download } from './readers/port.js';

/**
 * Sends rows as one CSV file (RFC 4180: one header, CRLF), as fast as the client takes them. Cells are as the sink wrote
 * them: what it neutralised for spreadsheets stays so. If the rows end with an error the connection is cut, so that no
 * client takes half a file for the whole.
 *
 * @param fileName what the browser saves it as; letters, digits, `-`, `_` and `.` only
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
