import { readFileSync } from 'node:fs';
import { family } from '@tributary/test/services';

/**
 * Measures how much of the machine other programs take.
 * @returns gives the share of the CPU time since this call that went to none of the bench's processes, also to other virtual machines of
 *   the host; 0 where /proc does not tell it
 */
export function watchOthers(): () => number {
  const before = readTimes();
  return () => {
    const after = readTimes();
    if (before === undefined || after === undefined || after.all === before.all) return 0;
    const others = after.busy - before.busy - (after.own - before.own);
    return Math.round(Math.max(0, Math.min(1, others / (after.all - before.all))) * 100) / 100;
  };
}

/** In ticks (USER_HZ). */
interface Times {
  /** Of all CPUs, with those that did nothing. */
  readonly all: number;
  readonly busy: number;
  /** Of the bench, of its children, and of those of them that have ended. */
  readonly own: number;
}

function readTimes(): Times | undefined {
  try {
    const [, ...columns] = (readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] ?? '').split(/\s+/);
    // user, nice, system, idle, iowait, irq, softirq, steal (proc(5)). What guests take is in `user` already.
    const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = columns.map(Number);
    const busy = user + nice + system + irq + softirq + steal;
    const own = family(process.pid).reduce((sum, pid) => sum + ticksOf(pid), 0);
    return { all: busy + idle + iowait, busy, own };
  } catch {
    return undefined;
  }
}

/** User and system time of a process and of its children that have ended. */
function ticksOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Behind "pid (command)", where the command may contain any character, utime is the 14th field of all.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  } catch {
    return 0;
  }
}
