import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type PipelineConfig, parsePipeline, partName, SYSTEM_COLUMNS } from '@tributary/shared';

const PIPELINE = `
entities:
  payment:
    dataset: payments
    queue: payments
    key: id
    version: updatedAt
    fields:
      { id: string, customer: string, email: string, city: string, plan: string, note: string?, amount: decimal, items: integer, paid: boolean, updatedAt: datetime }
endpoints:
  payments: { url: "http://127.0.0.1:1/payments", entity: payment }
sink:
  csv: { directory: "\${DIRECTORY}" }
`;

export const configOf = (directory: string): PipelineConfig =>
  parsePipeline(PIPELINE, { DIRECTORY: directory }, 'looking.yaml');

const CITIES = [
  'Berlin',
  'Lyon',
  'Porto',
  'Kraków',
  'Ghent',
  'Turin',
  'Graz',
  'Malmö',
  'Aarhus',
  'Zürich',
  'Cork',
  'Leeds',
];
const PLANS = ['free', 'basic', 'team', 'business'];
const NAMES = ['Ada', 'Grace', 'Alan', 'Edsger', 'Barbara', 'Donald', 'Frances', 'Ken', 'Radia', 'Niklaus'];
/** Rows that are written at once. */
const TOGETHER = 10_000;
const BEGIN = Date.UTC(2026, 0, 1);

/** Every third row is a new version of a key that is there. */
function lineOf(number: number, keys: number): string {
  const key = `P-${String(number % keys).padStart(7, '0')}`;
  const mixed = Math.imul(number, 2_654_435_761) >>> 0;
  const name = NAMES[mixed % NAMES.length] ?? '';
  const time = new Date(BEGIN + number * 1_000).toISOString();
  const note = number % 10 === 0 ? `"paid late, by ""${name}"""` : '';
  const own = [key, `${name} ${mixed % 9_973}`, `${name.toLowerCase()}.${mixed % 99_991}@example.org`];
  const values = [
    CITIES[mixed % CITIES.length],
    PLANS[mixed % PLANS.length],
    note,
    `${mixed % 100_000}.${(mixed % 90) + 10}`,
  ];
  const hash = createHash('md5').update(String(number)).digest('hex');
  const id = `01900000-0000-7000-8000-${String(number).padStart(12, '0')}`;
  return `${[...own, ...values, mixed % 50, mixed % 3 > 0, time, key, hash, time, id, false, time].join(',')}\r\n`;
}

/**
 * Writes rows as the sink does, in parts of 600,000.
 * @returns bytes
 */
export async function writeRows(directory: string, rows: number): Promise<number> {
  const folder = join(directory, 'payments');
  await mkdir(folder, { recursive: true });
  const header = `${[...Object.keys(configOf(directory).entities.payment?.fields ?? {}), ...SYSTEM_COLUMNS].join(',')}\r\n`;
  const keys = Math.ceil((rows * 2) / 3);
  let bytes = 0;
  for (let from = 0; from < rows; from += ROWS_OF_A_PART) {
    const path = join(folder, partName('writer-1', from / ROWS_OF_A_PART + 1));
    const to = Math.min(rows, from + ROWS_OF_A_PART);
    await pipeline(Readable.from(chunks(header, from, to, keys)), createWriteStream(path));
    bytes += (await stat(path)).size;
  }
  return bytes;
}

const ROWS_OF_A_PART = 600_000;

function* chunks(header: string, from: number, to: number, keys: number): Generator<string> {
  yield header;
  for (let at = from; at < to; at += TOGETHER) {
    let chunk = '';
    for (let number = at; number < Math.min(to, at + TOGETHER); number++) chunk += lineOf(number, keys);
    yield chunk;
  }
}
