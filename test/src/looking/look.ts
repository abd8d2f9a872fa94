import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createDashboard } from '@tributary/dashboard';
import { createLogger } from '@tributary/shared';
import { configOf, writeRows } from './rows.js';

export interface Ready {
  /** From the start of the dashboard until every row can be found. */
  readonly seconds: number;
  readonly cpuSeconds: number;
}

interface Times {
  readonly middle: number;
  readonly longest: number;
  readonly cpu: number;
}

export interface LookReport {
  readonly rows: number;
  readonly megabytes: number;
  /** Without an index. */
  readonly first: Ready;
  /** With the index that the first start left. */
  readonly again: Ready;
  /** The most memory that this process had, in MB. */
  readonly memory: number;
  /** Milliseconds of each question: the middle and the longest of some, and how much CPU one takes, which a busy machine changes less. */
  readonly times: Readonly<Record<string, Times>>;
}

/** Questions that a person's page asks. `#` stands for a number that is another each time, so that no answer is one that was kept. */
const QUESTIONS = {
  'first page': '/rows?limit=50&where=items:not:10#',
  'a page far behind': '/rows?limit=50&offset=1000000&where=items:not:10#',
  'filter by text': '/rows?limit=50&where=city:is:Berlin&where=items:not:10#',
  'filter by number': '/rows?limit=50&where=amount:above:99990&where=items:not:10#',
  'filter by time': '/rows?limit=50&where=updatedAt:above:2026-01-20T00:00:00Z&where=items:not:10#',
  'sort by text': '/rows?limit=50&sort=email&where=items:not:10#',
  'sort by number': '/rows?limit=50&sort=-amount&where=items:not:10#',
  'search for what is there': '/rows?limit=50&search=grace+lyon&where=items:not:10#',
  'search for what is not there': '/rows?limit=50&search=nobody+here+10#',
  facets: '/facets?where=items:not:10#',
  'facets of a search': '/facets?search=grace&where=items:not:10#',
  'one key': '/rows?view=history&where=_key:is:P-00001#',
} as const;
const TIMES = 7;
/** Milliseconds for all rows. */
const PATIENCE = 600_000;

/** Makes rows, and looks at them as a browser does. */
export async function look(rows: number, say: (line: string) => void): Promise<LookReport> {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-looking-'));
  try {
    const bytes = await writeRows(join(folder, 'output'), rows);
    say(`${rows} rows, ${Math.round(bytes / 1e6)} MB`);
    await mkdir(join(folder, 'state'));
    const first = await visit(folder, rows, async () => ({}));
    say(`ready after ${first.ready.seconds} s, ${first.ready.cpuSeconds} s of CPU`);
    const again = await visit(folder, rows, ask);
    say(`started again, ready after ${again.ready.seconds} s`);
    const memory = Math.round(peakMemory() / 1e6);
    return {
      rows,
      megabytes: Math.round(bytes / 1e6),
      first: first.ready,
      again: again.ready,
      memory,
      times: again.result,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function visit<T>(folder: string, rows: number, work: (url: string) => Promise<T>) {
  const log = createLogger({ service: 'dashboard', instance: 'looking', level: 'warn' });
  const config = configOf(join(folder, 'output'));
  const auditLog = join(folder, 'state', 'audit.ndjson');
  const [began, cpu] = [performance.now(), process.cpuUsage()];
  const dashboard = createDashboard({ config, port: 0, host: '127.0.0.1', instance: 'looking', log, auditLog });
  try {
    await dashboard.start();
    const url = `${dashboard.url}/api/datasets`;
    for (;;) {
      const {
        datasets: [found],
      } = (await json(url)) as { datasets: [{ rows: number; indexing: unknown }] };
      if (found.rows === rows && found.indexing === null) break;
      if (performance.now() - began > PATIENCE) throw new Error('the rows were not read in ten minutes');
      await sleep(20);
    }
    const { user, system } = process.cpuUsage(cpu);
    const ready = { seconds: rounded((performance.now() - began) / 1e3), cpuSeconds: rounded((user + system) / 1e6) };
    return { ready, result: await work(`${url}/payments`) };
  } finally {
    await dashboard.stop();
  }
}

async function ask(url: string): Promise<LookReport['times']> {
  const times: Record<string, Times> = {};
  // What columns have facets is found once.
  await json(`${url}/facets`);
  let number = 10;
  for (const [name, question] of Object.entries(QUESTIONS)) {
    const taken: number[] = [];
    const before = process.cpuUsage();
    for (let time = 0; time < TIMES; time++) {
      const began = performance.now();
      await json(`${url}${question.replace('#', String(number++))}`);
      taken.push(performance.now() - began);
    }
    taken.sort((a, b) => a - b);
    const { user, system } = process.cpuUsage(before);
    const cpu = rounded((user + system) / 1e3 / TIMES);
    times[name] = { middle: rounded(taken[TIMES >> 1] ?? 0), longest: rounded(taken.at(-1) ?? 0), cpu };
  }
  return times;
}

async function json(url: string): Promise<unknown> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return await response.json();
}

const rounded = (number: number): number => Math.round(number * 10) / 10;

function peakMemory(): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024;
  } catch {
    return process.resourceUsage().maxRSS * 1024;
  }
}
