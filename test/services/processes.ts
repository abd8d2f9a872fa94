import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
}

/**
 * A process with its descendants and its process group, the process itself first. Both are needed: Postgres gives each
 * backend a session of its own, and epmd outlives the shell that started it.
 */
export function family(root: number): number[] {
  const all = runningProcesses();
  const members = new Set([root]);
  // A Set visits what is added while it is walked, so this reaches every generation.
  for (const member of members) {
    for (const { pid, parent, group } of all) {
      if (parent === member || group === root) members.add(pid);
    }
  }
  return [...members];
}

/** Sends a signal to each of them; one that is gone already is no error. */
export function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

/**
 * Resolves when none of them runs any more.
 * @param timeout milliseconds
 * @throws Error naming those that are left after the timeout
 */
export async function untilGone(pids: readonly number[], timeout = 45_000): Promise<void> {
  const deadline = Date.now() + timeout;
  for (;;) {
    const running = new Set(runningProcesses().map(({ pid }) => pid));
    const left = pids.filter((pid) => running.has(pid));
    if (left.length === 0) return;
    if (Date.now() > deadline) throw new Error(`processes ${left.join(', ')} do not end`);
    await sleep(25);
  }
}

/** Every process that still runs; zombies, which only wait for their parent to look, are left out. */
function runningProcesses(): ProcessEntry[] {
  // Small Debian images have no ps, and macOS has no /proc.
  return existsSync('/proc/self/stat') ? fromProc() : fromPs();
}

function fromProc(): ProcessEntry[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      // "pid (name) state parent group ...": the name may hold spaces and parentheses (proc(5)).
      const [state = '', parent, group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return hasEnded(name, state) ? [] : [{ pid: Number(name), parent: Number(parent), group: Number(group) }];
    } catch {
      return []; // It ended between the listing and the reading.
    }
  });
}

/** A killed process whose first thread has ended keeps its files and ports open until the last one has. */
const hasEnded = (pid: string, state: string): boolean =>
  state === 'X' || (state === 'Z' && readdirSync(`/proc/${pid}/task`).length <= 1);

function fromPs(): ProcessEntry[] {
  const listing = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,pgid=,stat='], { encoding: 'utf8' });
  return listing.split('\n').flatMap((line) => {
    const [pid, parent, group, state = 'Z'] = line.trim().split(/\s+/);
    return state.startsWith('Z') ? [] : [{ pid: Number(pid), parent: Number(parent), group: Number(group) }];
  });
}
