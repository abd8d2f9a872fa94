/**
 * The process in which the records of dead letters are mended; see mending-process.ts, which starts it. Whoever ends the mending ends it,
 * and it never outlives its parent for long.
 */
import { createContext, Script } from 'node:vm';
import { type EntityConfig, PoisonError } from '@tributary/shared';
import { type Expressions, type Mended, Mending } from './mending.js';

/** What it is sent at first. Then it is sent bodies, one when it has answered to the one before. */
export interface Task {
  readonly fields: EntityConfig['fields'];
  readonly expressions: Expressions;
  /** Milliseconds for one record. */
  readonly time: number;
}

/** What it answers to a body. */
export type MendAnswer =
  | { readonly mended: Mended }
  | { readonly poison: { readonly code: string; readonly message: string; readonly field: string | undefined } }
  | { readonly late: true }
  | { readonly broken: string };

// Ctrl-C in a terminal reaches every process of it. The parent ends first what it has begun.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.on('disconnect', () => process.exit(0));

process.once('message', ({ fields, expressions, time }: Task) => {
  const mending = new Mending({ fields }, expressions);
  const box: { work: () => Mended } = {
    work: () => {
      throw new Error('there is no body yet');
    },
  };
  const context = createContext(box);
  const script = new Script('work()');
  const answerTo = (body: Uint8Array): MendAnswer => {
    box.work = () => mending.mend(body);
    try {
      // A parent that is killed meanwhile cannot end an expression that never ends.
      return { mended: script.runInContext(context, { timeout: time }) as Mended };
    } catch (error) {
      if (error instanceof PoisonError) {
        return { poison: { code: error.code, message: error.message, field: error.field } };
      }
      if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return { late: true };
      return { broken: String(error).slice(0, 1_000) };
    }
  };
  process.on('message', (body: Uint8Array) => process.send?.(answerTo(body)));
  process.send?.('ready');
});
