import { readText } from '../service/read-file.js';
import { replaceFile } from '../service/replace-file.js';
import { headFileOf } from './beside.js';
import { type ChainPlace, keyOf, placeIn } from './chain.js';

/** How far a log had been written, and the bytes that this took. */
export interface AuditHead extends ChainPlace {
  readonly bytes: number;
}

/** @returns undefined if there is none that can be read */
export async function readHead(log: string): Promise<AuditHead | undefined> {
  const text = await readText(headFileOf(log)).catch(() => '');
  const [place = '', bytes = ''] = text.trim().split(' ');
  const found = placeIn(place);
  return found === undefined || !/^\d{1,15}$/.test(bytes) ? undefined : { ...found, bytes: Number(bytes) };
}

/** Nobody reads half of it. */
export const writeHead = (log: string, head: AuditHead): Promise<void> =>
  replaceFile(headFileOf(log), `${keyOf(head)} ${head.bytes}\n`, 0o600);
