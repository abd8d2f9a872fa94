import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { listParts, type ReleaseList, readPart, systemClock } from '@tributary/shared';
import { inRunFolder } from '../chaos/folder.js';
import { type PipelineFile, write } from '../chaos/pipeline.js';
import { withChannel } from '../chaos/queues.js';
import { addressesOf, startServers } from '../chaos/servers.js';
import { stopInOrder, untilDrained } from '../chaos/settle.js';
import { makeWorkers, untilReady, workerEnv } from '../chaos/stage.js';
import { until } from '../chaos/until.js';
import type { Worker } from '../chaos/worker.js';
import { quietWorld } from '../chaos/world/world.js';
import { type Bank, faultOf, transaction, writeBank } from './bank.js';

export interface FilesRunOptions {
  readonly records: number;
  /** Told what happens, line by line. */
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

export interface FilesRunReport {
  readonly records: number;
  readonly kills: number;
  readonly bytes: number;
  /** From the start of the services until everything was durable, the kills with it. */
  readonly seconds: number;
  readonly recordsPerSecond: number;
  /** The most memory that the producer had, in MB. */
  readonly producerMemory: number;
  readonly consumerMemory: number;
  readonly planted: number;
  readonly deadLetters: number;
  /** Copies of dead letters: the consumer was killed before it acknowledged what it had buried. */
  readonly deadTwice: number;
  readonly rows: number;
  readonly ok: boolean;
}

export interface FilesRunResult {
  readonly report: FilesRunReport;
  readonly problems: readonly string[];
  readonly folder: string | undefined;
}

/** Milliseconds for all records; what takes longer hangs. */
const PATIENCE = 45 * 60_000;
const ENTITY = 'transaction';

/**
 * Reads a bank's transactions from files, with faults planted among them, while producer, consumer and both are killed. Then the planted
 * ones must be the dead letters, each with its file and line, and of all others there must be exactly one row.
 */
export async function runFiles(options: FilesRunOptions): Promise<FilesRunResult> {
  return await inRunFolder('files', options, (folder, release) => play(options, folder, release));
}

async function play(options: FilesRunOptions, folder: string, release: ReleaseList) {
  const { records, say, signal } = options;
  const problems: string[] = [];
  const bank = await writeBank(join(folder, 'in'), records);
  say(
    `${records.toLocaleString('en')} transactions are in 4 files of ${(bank.bytes / 1e6).toFixed(0)} MB, ${bank.planted.size} of them planted faults`,
  );
  const servers = await startServers(quietWorld({ seed: 0, sink: 'csv' }).starts, options, release);
  const pipeline = writeFilesPipeline(folder);
  const env = workerEnv(addressesOf(servers), pipeline.path);
  const onDeath = (how: string) => void problems.push(how);
  const make = (workspace: 'producer' | 'consumer') =>
    makeWorkers(workspace, 1, { ...env, LOG_LEVEL: 'info' }, { folder, onDeath }, release);
  const [[producer], [consumer]] = [await make('producer'), await make('consumer')];
  if (producer === undefined || consumer === undefined) throw new Error('no services');
  const started = performance.now();
  await untilReady([producer, consumer], signal);
  const memory = watchMemory([producer, consumer], signal);
  const kills = [
    { at: 0.15, victims: [producer] },
    { at: 0.4, victims: [consumer] },
    { at: 0.65, victims: [producer, consumer] },
  ];
  const expected = bank.good * BYTES_OF_ROW;
  for (const { at, victims } of kills) {
    await until(
      `${at * 100} % are written`,
      async () => (sizeOf(join(folder, 'output')) >= expected * at ? undefined : 'less'),
      {
        timeout: PATIENCE,
        signal,
        every: 50,
      },
    );
    await Promise.all(victims.map((victim) => victim.kill()));
    for (const victim of victims) victim.start();
    say(`killed at ${at * 100} %: ${victims.map(({ name }) => name).join(' and ')}`);
  }
  await untilReady([producer, consumer], signal);
  await until('the files are read to their ends', () => isRead(producer), { timeout: PATIENCE, signal, every: 200 });
  await untilDrained(servers.rabbitmq.url, pipeline.config, [consumer], signal, PATIENCE);
  const seconds = (performance.now() - started) / 1_000;
  const [producerMemory = 0, consumerMemory = 0] = memory.end();
  problems.push(...(await stopInOrder([producer, consumer])));
  const letters = await deadLetters(servers.rabbitmq.url);
  problems.push(...judgeLetters(letters, bank));
  const rows = await judgeRows(join(folder, 'output'), records, problems);
  const report: FilesRunReport = {
    records,
    kills: kills.length,
    bytes: bank.bytes,
    seconds: Math.round(seconds * 10) / 10,
    recordsPerSecond: Math.round(records / seconds),
    producerMemory,
    consumerMemory,
    planted: bank.planted.size,
    deadLetters: new Set(letters.map(placeOf)).size,
    deadTwice: letters.length - new Set(letters.map(placeOf)).size,
    rows,
    ok: problems.length === 0,
  };
  return { report, problems };
}

/** Bytes that a row has at least. */
const BYTES_OF_ROW = 230;

function writeFilesPipeline(folder: string): PipelineFile {
  mkdirSync(join(folder, 'output'), { recursive: true });
  return write(folder, {
    name: 'files_run',
    entities: {
      [ENTITY]: {
        dataset: 'transactions',
        queue: 'transaction_data',
        key: 'id',
        fields: {
          id: 'string',
          account: 'string',
          amount: 'decimal',
          currency: 'string',
          booked: 'datetime',
          text: 'string?',
        },
      },
    },
    endpoints: {
      transactions: {
        source: 'files',
        path: join(folder, 'in', '*'),
        entity: ENTITY,
        settle: '0s',
        // A quote that is never closed is looked for in so much.
        maxRecordSize: '64KB',
        schedule: { every: '1s' },
      },
    },
    batch: { size: 1_000, interval: '1s' },
    sink: { csv: { directory: join(folder, 'output') } },
  });
}

/** Whether a poll of this life of the producer found that all files are read: it succeeded, and brought nothing. */
async function isRead(producer: Worker): Promise<string | undefined> {
  const endpoints = JSON.parse(await producer.get('/endpoints')) as readonly EndpointTold[];
  const last = endpoints[0]?.lastRun;
  const isOver = last?.records === 0 && last.error === undefined;
  return isOver ? undefined : `the last poll: ${JSON.stringify(last)}`;
}

interface EndpointTold {
  readonly lastRun: { readonly records: number; readonly error?: string } | null;
}

function sizeOf(folder: string): number {
  let size = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile() && entry.name.endsWith('.csv'))
      size += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return size;
}

/** The most that each process had, in MB. */
function watchMemory(workers: readonly Worker[], signal: AbortSignal) {
  const most = workers.map(() => 0);
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  void (async () => {
    while (!either.aborted) {
      for (const [index, worker] of workers.entries()) {
        const values = await worker.metric('process_resident_memory_bytes').catch(() => undefined);
        const bytes = [...(values?.values() ?? [])][0] ?? 0;
        most[index] = Math.max(most[index] ?? 0, Math.round(bytes / 1e6));
      }
      await systemClock.sleep(500, either);
    }
  })();
  return {
    end() {
      stop.abort();
      return most;
    },
  };
}

interface Letter {
  readonly id: string;
  readonly said: string;
}

/** All dead letters, which are taken out. */
const deadLetters = (url: string): Promise<Letter[]> =>
  withChannel(url, async (channel) => {
    const letters: Letter[] = [];
    for (;;) {
      const letter = await channel.get('transaction_data.dead', { noAck: true });
      if (letter === false) return letters;
      letters.push({ id: String(letter.properties.messageId), said: JSON.stringify(letter.properties.headers) });
    }
  });

/** The file and line that a dead letter names. */
const placeOf = ({ said }: Pick<Letter, 'said'>): string | undefined =>
  /(\d\.(?:csv|csv\.gz|ndjson), line \d+):/.exec(said)?.[1];

function judgeLetters(letters: readonly Letter[], { planted }: Bank): string[] {
  // A consumer that is killed between burying a record and acknowledging it buries it again, so a fault may lie there twice.
  const found = new Set<string>();
  const strange: string[] = [];
  for (const { said } of letters) {
    const place = placeOf({ said });
    if (place === undefined || !planted.has(place)) strange.push(said.slice(0, 400));
    else found.add(place);
  }
  const missing = [...planted].filter(([place]) => !found.has(place));
  return [
    ...(strange.length === 0 ? [] : [`${strange.length} dead letters were not planted, such as ${strange[0]}`]),
    ...(missing.length === 0
      ? []
      : [`${missing.length} planted faults are no dead letters, such as ${missing[0]?.join(': ')}`]),
  ];
}

async function judgeRows(output: string, records: number, problems: string[]): Promise<number> {
  const seen = new Uint8Array(records);
  let rows = 0;
  let wrong: string | undefined;
  for (const part of await listParts(output, 'transactions')) {
    for await (const line of readPart(part.path)) {
      rows += 1;
      const number = Number(line.id?.slice(1));
      const { id, account, amount, currency, text } = transaction(number);
      const same = [line.id, line.account, line.currency].join() === [id, account, currency].join();
      const isExact = Number(line.amount?.replace(/^'/, '')) === Number(amount) && line.text === text;
      if (!same || !isExact || seen[number] === undefined) wrong ??= JSON.stringify(line);
      else seen[number] += 1;
    }
  }
  const lacking = seen.findIndex((count, number) => count === 0 && faultOf(number) === undefined);
  const doubled = seen.findIndex((count) => count > 1);
  const unwanted = seen.findIndex((count, number) => count > 0 && faultOf(number) !== undefined);
  if (wrong !== undefined) problems.push(`a row is not as the file has it: ${wrong}`);
  if (lacking !== -1) problems.push(`${transaction(lacking).id} has no row`);
  if (doubled !== -1) problems.push(`${transaction(doubled).id} has ${seen[doubled]} rows`);
  if (unwanted !== -1) problems.push(`${transaction(unwanted).id} was planted, and has a row`);
  return rows;
}

export function formatFilesRun({ report, problems, folder }: FilesRunResult): string {
  const {
    records,
    kills,
    seconds,
    recordsPerSecond,
    planted,
    deadLetters: dead,
    rows,
    producerMemory,
    consumerMemory,
    bytes,
  } = report;
  return [
    `${records.toLocaleString('en')} records (${(bytes / 1e6).toFixed(0)} MB), ${kills} kills: ${seconds} s, ${recordsPerSecond.toLocaleString('en')}/s end to end`,
    `${planted} faults planted, ${dead} dead letters, ${rows.toLocaleString('en')} rows`,
    `memory at most: producer ${producerMemory} MB, consumer ${consumerMemory} MB`,
    ...problems,
    report.ok ? 'exactly the planted ones are dead letters, and all others rows' : 'NOT OK',
    ...(folder === undefined ? [] : [`logs and output: ${folder}`]),
  ].join('\n');
}
