import { readFileSync } from 'node:fs';
import type { Measured } from './figure.js';
import { family } from './services.js';

/** CPU seconds by what used them. */
export type CpuSeconds = Readonly<Record<string, number>>;

/** The servers' processes, by the names that the kernel knows them by. */
const SERVERS: Readonly<Record<string, string>> = {
  'beam.smp': 'RabbitMQ',
  'redis-server': 'Redis',
  'valkey-server': 'Redis',
  postgres: 'Postgres',
};

/** The unit of /proc/<pid>/stat: on every Linux that Node runs on, 100 a second (USER_HZ). */
const TICKS = 100;

/**
 * What the bench's servers and these processes have used so far, user and system. Only Linux tells of processes that
 * are not one's own; elsewhere it is empty.
 */
export function cpuSeconds(programs: readonly { readonly name: string; readonly pid: number }[]): CpuSeconds {
  const used: Record<string, number> = {};
  const names = new Map(programs.map(({ pid, name }) => [pid, name]));
  for (const pid of family(process.pid)) {
    const entry = readStat(pid);
    const name = names.get(pid) ?? SERVERS[entry?.command ?? ''];
    if (entry === undefined || name === undefined) continue;
    used[name] = (used[name] ?? 0) + entry.ticks / TICKS;
  }
  return used;
}

/** What was used from one look to the next for each million of records. */
export function perMillion(before: CpuSeconds, after: CpuSeconds, records: number): CpuSeconds {
  const used = Object.entries(after).map(([name, seconds]) => {
    const each = ((seconds - (before[name] ?? 0)) / records) * 1e6;
    return [name, Math.round(each * 10) / 10] as const;
  });
  return Object.fromEntries(used.filter(([, seconds]) => seconds > 0));
}

/** A figure that also says what its last round cost. */
export const withCpu = (measured: Measured, cpu: CpuSeconds): Measured => ({
  ...measured,
  more: { ...measured.more, cpuSecondsPerMillion: cpu },
  detail: [...(measured.detail === undefined ? [] : [measured.detail]), describeCpu(cpu)].join('; '),
});

const describeCpu = (used: CpuSeconds): string =>
  `CPU s per million: ${Object.entries(used)
    .map(([name, seconds]) => `${name} ${Math.round(seconds)}`)
    .join(', ')}`;

function readStat(pid: number): { command: string; ticks: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // "pid (command) state ...", where the command may hold anything; then utime is the 14th field, and behind it come
    // stime and both of the children that have ended (proc(5)).
    const end = stat.lastIndexOf(')');
    const fields = stat.slice(end + 2).split(' ');
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    return { command: stat.slice(stat.indexOf('(') + 1, end), ticks };
  } catch {
    return undefined;
  }
}
