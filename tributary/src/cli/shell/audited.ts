import { type AuditedAct, systemClock, variable } from '@tributary/shared';
import { atShell } from './at-shell.js';
import type { Context } from './context.js';

/** What is done, for the audit log. */
export interface Audited<T> {
  readonly action: string;
  /** To what, in fields of the action's own: none of the data itself. */
  readonly detail: Readonly<Record<string, unknown>>;
  work(act: AuditedAct): Promise<T>;
  /** To how many records, rows or values it was done, and what else there is to tell, in fields of the action's own. */
  done(result: T): Readonly<Record<string, unknown>> & { readonly done: number };
  /** What is said of one that failed; the code of the error unless given. */
  readonly failed?: string;
}

/**
 * Does something that shows, copies or removes data; that it begins is in the audit log before, and how it ended behind it.
 * @param pipeline whose data it is; undefined where that cannot be known
 * @throws RetryableError if the log cannot be written: nothing is done then
 */
export async function audited<T>({ env }: Context, pipeline: string | undefined, one: Audited<T>): Promise<T> {
  const { AuditLog } = await import('@tributary/dashboard');
  const audit = new AuditLog(variable(env, 'AUDIT_LOG'), systemClock, pipeline);
  try {
    const act = await audit.begin(atShell(env), one.action, one.detail);
    let result: T;
    try {
      result = await one.work(act);
    } catch (error) {
      // Not its words: they may name what was read.
      const why = one.failed ?? (error as { code?: string }).code ?? 'failed';
      await act.note('failed', { why }).catch(() => {});
      throw error;
    }
    await act.note('done', one.done(result));
    return result;
  } finally {
    await audit.close();
  }
}
