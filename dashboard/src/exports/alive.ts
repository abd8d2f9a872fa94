import { readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { type Clock, isRunning } from '@tributary/shared';
import type { Unfinished } from './targets/port.js';

/** Milliseconds between two signs of life of a run, and after how many without one it counts as dead. */
export const SIGN_EVERY = 60_000;
const DEAD_AFTER = 10 * SIGN_EVERY;

/** Runs of this process that are going on. */
const mine = new Set<string>();

/** Notes that a run of this process goes on. @returns what ends that */
export function going(run: string): () => void {
  mine.add(run);
  return () => void mine.delete(run);
}

/** Names the place where numbers of processes mean the same: containers of one host name may each have their own. */
export function thisHost(): string {
  try {
    return `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}

/** Whether the process of a run that is not finished still works at it. */
export function isAlive({ run, note, seenAt }: Unfinished, clock: Clock): boolean {
  if (clock.now() - seenAt > DEAD_AFTER || note === undefined || note.pid === 0) return false;
  if (note.host !== thisHost()) return true;
  return note.pid === process.pid ? mine.has(run) : isRunning(String(note.pid));
}
