import { isClosing, type Row } from '@tributary/shared';
import { WriterLost } from '../writer-lost.js';
import { ledgerHash, writeContent } from './content.js';
import { readOrder, writeOrder } from './order.js';
import { readNumber } from './packed-text.js';
import type { EachJoin, EachRecord, Found, PointingRecord, Side, Verdict, WithJoin, WithRecord } from './port.js';

// How rows and records are written for the scripts, and their answers are read. The .lua files tell the same.

const VERDICTS: Readonly<Record<string, Verdict>> = {
  A: { kind: 'accept' },
  D: { kind: 'duplicate' },
  S: { kind: 'stale' },
  B: { kind: 'busy' },
};

/** A record as join.lua reads it. */
export function writeRecord({ key, order, payload }: EachRecord | WithRecord, more: readonly string[]): string {
  let text = `${key}\x1f${writeOrder(order)}\x1f${payload}\x1f`;
  for (const one of more) text += `${one}\x1f`;
  return `${text}\n`;
}

/** Rows as the scripts read them: see read_rows in prelude.lua. */
export function writeRows(rows: readonly Row[]): string {
  let text = '';
  for (const row of rows) text += row.written ?? writeRow(row);
  return text;
}

function writeRow(row: Row): string {
  const { key, hash, order, parts } = row;
  const text = `${key}\n${writeContent(ledgerHash(hash, isClosing(row)), order)}\n`;
  // The row is claimed, and then committed. Merged rows are the many.
  if (parts !== undefined) row.written = text;
  return text;
}

export function readVerdicts([status = '', letters = '', ...answers]: string[]): Verdict[] {
  checkStatus(status);
  return Array.from(letters, (letter) => VERDICTS[letter] ?? readAnswer(letter, answers.shift()));
}

function readAnswer(letter: string, text = ''): Verdict {
  if (letter === 'F') return { kind: 'reformed', reformedAt: readNumber(text) };
  if (letter === 'H') return { kind: 'held', heldOrder: readOrder(text) };
  const space = text.indexOf(' ');
  const orders = text.slice(space + 1).split('\r');
  return { kind: 'accept', takenFrom: text.slice(0, space).split(','), takenOrders: orders.map(readOrder) };
}

/** What join.lua returns. */
type JoinReply = [status: string, sides?: string[], ...answers: ((string | number)[] | 0)[]];

/** The answer for one record, and the sides that the answers of its call point at. */
export interface JoinAnswer {
  readonly sides: readonly (Side | undefined)[];
  readonly values: readonly (string | number)[] | 'superseded';
}

export function readJoins(reply: unknown): JoinAnswer[] {
  const [status, texts = [], ...answers] = reply as JoinReply;
  checkStatus(status);
  const sides = texts.map(readSide);
  return answers.map((values) => ({ sides, values: values === 0 ? 'superseded' : values }));
}

type Sides = JoinAnswer['sides'];

/** Stands in the place of the index of a side that is awaited. */
const AWAITED = -1;

const sideAt = (sides: Sides, value: string | number | undefined): Side | undefined => sides[Number(value) - 1];
const foundAt = (sides: Sides, value: string | number | undefined): Found =>
  value === AWAITED ? 'awaited' : sideAt(sides, value);

/**
 * @param count the number of lines of the record
 * @param places how many sides each of them points at
 */
export function readEachJoin({ sides, values }: JoinAnswer, count: number, places: number): EachJoin | 'superseded' {
  if (values === 'superseded') return 'superseded';
  const closed: { line: string; sides: (Side | undefined)[] }[] = [];
  for (let at = count * places; at < values.length; at += 1 + places) {
    const its = values.slice(at + 1, at + 1 + places).map((value) => sideAt(sides, value));
    closed.push({ line: String(values[at]), sides: its });
  }
  return { found: values.slice(0, count * places).map((value) => foundAt(sides, value)), closed };
}

/**
 * @param count the number of records that a page holds at most
 * @param places how many sides each line points at
 */
export function readWithJoin({ sides, values }: JoinAnswer, count: number, places: number): WithJoin | 'superseded' {
  if (values === 'superseded') return 'superseded';
  const pointing: PointingRecord[] = [];
  let [last, records] = ['', 0];
  for (let at = 0; at < values.length; records++) {
    last = String(values[at]);
    const side = readSide(String(values[at + 1]));
    at += 2;
    if (places === 1) {
      if (side !== undefined) pointing.push({ key: last, side });
      continue;
    }
    const others = new Map<string, readonly Found[]>();
    const lines = Number(values[at++]);
    for (let line = 0; line < lines; line++, at += 1 + places) {
      others.set(
        String(values[at]),
        values.slice(at + 1, at + 1 + places).map((value) => foundAt(sides, value)),
      );
    }
    if (side !== undefined) pointing.push({ key: last, side, others });
  }
  return { pointing, after: records < count ? undefined : last };
}

export function readSide(text: string | undefined): Side | undefined {
  if (text === undefined || text === '') return undefined;
  const split = text.indexOf('\0');
  const payload = text.slice(split + 1);
  // A record without lines: only its order counts.
  return payload === '' ? undefined : { order: readOrder(text.slice(0, split)), payload };
}

export function checkStatus(status: string): void {
  if (status === 'lost' || status === 'fenced') throw new WriterLost(status);
}
