import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

/** What is wrong with a planted line. Each makes exactly one dead letter. */
export const FAULTS = [
  'too many cells',
  'too few cells',
  'text behind a quote',
  'a quote that is never closed',
  'no UTF-8',
  'a NUL',
  'no amount',
  'no key',
  'a day that is none',
] as const;

type Fault = (typeof FAULTS)[number];

/** Transactions of a bank, made of their numbers: the same each time. */
export interface Transaction {
  readonly id: string;
  readonly account: string;
  readonly amount: string;
  readonly currency: string;
  readonly booked: string;
  readonly text: string;
}

const BEGIN = Date.UTC(2020, 0, 1);
/** One line of so many is bad. */
const PLANTED_EVERY = 2_003;

export function transaction(number: number): Transaction {
  const cents = (number * 7_919) % 10_000_000;
  const sign = number % 3 === 0 ? '-' : '';
  return {
    id: `T${String(number).padStart(9, '0')}`,
    account: `DE${String((number * 31) % 100_000).padStart(10, '0')}`,
    amount: `${sign}${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`,
    currency: ['EUR', 'CHF', 'USD'][number % 3] ?? 'EUR',
    booked: new Date(BEGIN + number * 1_000).toISOString(),
    text: texts(number),
  };
}

/** Some have what makes CSV difficult. */
function texts(number: number): string {
  if (number % 101 === 0) return `Müller, "the" baker\nsecond line ${number}`;
  return number % 17 === 0 ? `rent; flat ${number}, "left"` : `payment ${number}`;
}

export const faultOf = (number: number): Fault | undefined =>
  number % PLANTED_EVERY === PLANTED_EVERY - 1 ? FAULTS[Math.floor(number / PLANTED_EVERY) % FAULTS.length] : undefined;

/** Where a planted line is: `2.csv, line 17`, as dead letters say it. */
export type Planted = ReadonlyMap<string, Fault>;

export interface Bank {
  /** How many of the transactions are no dead letters. */
  readonly good: number;
  readonly planted: Planted;
  readonly bytes: number;
}

/** Writes transactions into four files of a folder: CSV twice, one of them packed, with semicolons, and NDJSON. */
export async function writeBank(folder: string, records: number): Promise<Bank> {
  await mkdir(folder, { recursive: true });
  const planted = new Map<string, Fault>();
  const parts = [
    { name: '1.csv', share: 0.6, form: csv(',') },
    { name: '2.csv.gz', share: 0.15, form: csv(',') },
    { name: '3.csv', share: 0.1, form: csv(';') },
    { name: '4.ndjson', share: 0.15, form: ndjson },
  ];
  let from = 0;
  let bytes = 0;
  for (const [index, { name, share, form }] of parts.entries()) {
    const to = index === parts.length - 1 ? records : Math.min(records, from + Math.round(records * share));
    bytes += await writeFile(join(folder, name), form, from, to, (line, fault) =>
      planted.set(`${name}, line ${line}`, fault),
    );
    from = to;
  }
  return { good: records - planted.size, planted, bytes };
}

/** How lines are written. */
interface Form {
  readonly header: string;
  /** As bytes, one in a character. */
  line(one: Transaction, fault: Fault | undefined): string;
  /** Faults that this form can have. */
  has(fault: Fault): boolean;
}

const COLUMNS = ['id', 'account', 'amount', 'currency', 'booked', 'text'] as const;

const csv = (delimiter: string): Form => ({
  header: `${COLUMNS.join(delimiter)}\n`,
  has: () => true,
  line(one, fault) {
    const cells = COLUMNS.map((name) => quoted(one[name]));
    if (fault === 'no amount') cells[2] = '12,5O0'.replaceAll(',', '.');
    if (fault === 'no key') cells[0] = '';
    if (fault === 'a day that is none') cells[4] = '2020-02-31T00:00:00Z';
    if (fault === 'too many cells') cells.push('more');
    if (fault === 'too few cells') cells.length = 3;
    if (fault === 'text behind a quote') cells[5] = '"a" b';
    if (fault === 'a quote that is never closed') cells[5] = '"open';
    if (fault === 'no UTF-8') cells[5] = 'M\xfcller';
    if (fault === 'a NUL') cells[5] = 'a\0b';
    return `${cells.join(delimiter)}\n`;
  },
});

const quoted = (cell: string): string => (/[",;\n]/.test(cell) ? `"${inBytes(cell).replaceAll('"', '""')}"` : cell);

const inBytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

const ndjson: Form = {
  header: '',
  has: () => true,
  line(one, fault) {
    if (fault === 'no amount') return `${inBytes(JSON.stringify({ ...one, amount: '12.5O0' }))}\n`;
    if (fault === 'no key') return `${inBytes(JSON.stringify({ ...one, id: '' }))}\n`;
    if (fault === 'a day that is none')
      return `${inBytes(JSON.stringify({ ...one, booked: '2020-02-31T00:00:00Z' }))}\n`;
    const text = inBytes(JSON.stringify(one));
    if (fault === undefined) return `${text}\n`;
    if (fault === 'no UTF-8') return `${text.slice(0, -2)}\xfc"}\n`;
    if (fault === 'a NUL') return `${text.slice(0, -2)}\0"}\n`;
    return `${text.slice(0, -5)}\n`;
  },
};

async function writeFile(
  path: string,
  form: Form,
  from: number,
  to: number,
  onPlanted: (line: number, fault: Fault) => void,
): Promise<number> {
  const file = createWriteStream(path);
  const sink = path.endsWith('.gz') ? createGzip({ level: 1 }) : file;
  if (sink !== file) sink.pipe(file);
  let line = 1 + (form.header === '' ? 0 : 1);
  let text = form.header;
  let isOpen = false;
  for (let number = from; number < to; number++) {
    const fault = faultOf(number);
    // The next line must have no quotes, or what is never closed would close in it: that is another fault, told in another way.
    const one = transaction(number);
    const written = form.line(one, fault);
    if (fault !== undefined) onPlanted(line, fault);
    isOpen = fault === 'a quote that is never closed';
    text += written;
    line += isOpen ? 1 : written.split('\n').length - 1;
    if (text.length < 1_000_000 && number < to - 1) continue;
    const room = sink.write(Buffer.from(text, 'latin1'));
    text = '';
    if (!room) await once(sink, 'drain');
  }
  if (text !== '') sink.write(Buffer.from(text, 'latin1'));
  sink.end();
  await finished(file);
  return file.bytesWritten;
}
