import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/**
 * Names this process on this machine: its number, and on Linux when it began, so that a later process that gets the same number is another
 * one. A container whose host name stays gives its processes the same numbers each time that it starts. Letters, digits and a dash.
 */
export const thisProcess = (): string => nameOf(process.pid);

/** Whether a process that was named by {@link thisProcess} runs on this machine; of one that is named by its number alone, whether there is one of that number. */
export function isRunning(name: string): boolean {
  const pid = Number.parseInt(name, 10);
  if (name === thisProcess()) return true;
  // It is this process that has the number now.
  if (!(pid > 0) || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const now = nameOf(pid);
  return !name.includes('-') || !now.includes('-') || name === now;
}

function nameOf(pid: number): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8');
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the name of the program, which may hold anything; the 22nd counts from the start of the machine.
    const began = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    const hash = createHash('sha256').update(`${boot} ${began}`).digest('hex');
    return `${pid}-${hash.slice(0, 12)}`;
  } catch {
    return String(pid);
  }
}
