import { userInfo } from 'node:os';
import { type AuditActor, systemClock, variable } from '@tributary/shared';
import type { Context } from './context.js';

/** Whoever is at the shell. */
const atShell = (): AuditActor => ({ name: userInfo().username, role: 'admin', from: 'shell' });

/** What is done, for the audit log. */
export interface Audited<T> {
  readonly action: string;
  /** To what, in fields of the action's own: none of the data itself. */
  readonly detail: Readonly<Record<string, unknown>>;
  work(): Promise<T>;
  /** How many records or rows it was done to. */
  done(result: T): number;
}

/**
 * Does something that shows or copies data; that it begins is in the audit log before, and how it ended behind it.
 * @param pipeline whose data it is
 * @throws RetryableError if the log cannot be written: nothing is done then
 */
export async function audited<T>({ env }: Context, pipeline: string, one: Audited<T>): Promise<T> {
  const { AuditLog } = await import('@tributary/dashboard');
  const audit = new AuditLog(variable(env, 'AUDIT_LOG'), systemClock, pipeline);
  try {
    const act = await audit.begin(atShell(), one.action, one.detail);
    let result: T;
    try {
      result = await one.work();
    } catch (error) {
      // Not its words: they may name what was read.
      await act.note('failed', { why: (error as { code?: string }).code ?? 'failed' }).catch(() => {});
      throw error;
    }
    await act.note('done', { done: one.done(result) });
    return result;
  } finally {
    await audit.close();
  }
}
