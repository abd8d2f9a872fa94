import { readFileSync } from 'node:fs';
import { family } from '@tributary/test/services';
import type { Measured } from './figure.js';

/** CPU seconds by the name of the program that used them. */
export type CpuSeconds = Readonly<Record<string, number>>;

/** The servers, by the names of their processes. */
const SERVERS: Readonly<Record<string, string>> = {
  'beam.smp': 'RabbitMQ',
  'redis-server': 'Redis',
  'valkey-server': 'Redis',
  postgres: 'Postgres',
};

/** The ticks per second of /proc/<pid>/stat (USER_HZ): 100 on every Linux that Node runs on. */
const TICKS = 100;

/**
 * The CPU time that the bench's servers and these processes have used so far, user and system. It is read from /proc, so it
 * is empty on other systems than Linux.
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

/** The CPU seconds between two readings, for each million records. */
export function perMillion(before: CpuSeconds, after: CpuSeconds, records: number): CpuSeconds {
  const used = Object.entries(after).map(([name, seconds]) => {
    const each = ((seconds - (before[name] ?? 0)) / records) * 1e6;
    return [name, Math.round(each * 10) / 10] as const;
  });
  return Object.fromEntries(used.filter(([, seconds]) => seconds > 0));
}

/** Adds the CPU time of the last round to a figure. */
export const withCpu = (measured: Measured, cpu: CpuSeconds): Measured => ({
  ...measured,
  more: { ...measured.more, cpuSecondsPerMillion: cpu },
  detail: [measured.detail, describeCpu(cpu)].filter((text) => text !== undefined).join('; '),
});

const describeCpu = (used: CpuSeconds): string =>
  `CPU s per million: ${Object.entries(used)
    .map(([name, seconds]) => `${name} ${Math.round(seconds)}`)
    .join(', ')}`;

function readStat(pid: number): { command: string; ticks: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // "pid (command) state ...", where the command may contain any character. utime is the 14th field; stime and the same
    // two of ended children follow (proc(5)).
    const end = stat.lastIndexOf(')');
    const fields = stat.slice(end + 2).split(' ');
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    return { command: stat.slice(stat.indexOf('(') + 1, end), ticks };
  } catch {
    return undefined;
  }
}
