import { open, readFile, rename } from 'node:fs/promises';
import { type ChainPlace, keyOf, placeIn } from './chain.js';

/** How far a log had been written, and the bytes that this took. */
export interface AuditHead extends ChainPlace {
  readonly bytes: number;
}

/** Beside the log, so that lines that are cut off at its end are missed. */
export const headFileOf = (log: string): string => `${log}.head`;

/** @returns undefined if there is none that can be read */
export async function readHead(log: string): Promise<AuditHead | undefined> {
  const text = await readFile(headFileOf(log), 'utf8').catch(() => '');
  const [place = '', bytes = ''] = text.trim().split(' ');
  const found = placeIn(place);
  return found === undefined || !/^\d{1,15}$/.test(bytes) ? undefined : { ...found, bytes: Number(bytes) };
}

/**
 * Nobody reads half of it. It is not synced: an older head than the log's end is no fault.
 * @param writer names who writes, so that no two write the same file beside it
 */
export async function writeHead(log: string, head: AuditHead, writer: string): Promise<void> {
  const path = headFileOf(log);
  const beside = `${path}.${writer}`;
  const file = await open(beside, 'w', 0o600);
  try {
    await file.writeFile(`${keyOf(head)} ${head.bytes}\n`);
  } finally {
    await file.close();
  }
  await rename(beside, path);
}
