/**
 * The process in which the records of dead letters are mended, or judged by a new definition; see mending-process.ts, which starts it. Whoever ends the mending ends it,
 * and it never outlives its parent for long.
 */
import { createContext, Script } from 'node:vm';
import { compileEntity, type EntityConfig, PoisonError, parseBody } from '@tributary/shared';
import { type Expressions, type Mended, Mending } from './mending.js';

/** What is done with each record: it is mended, or read as the new definition of its entity says. */
export type Work =
  | { readonly fields: EntityConfig['fields']; readonly expressions: Expressions }
  | { readonly entity: string; readonly config: EntityConfig };

/** What it is sent at first. Then it is sent bodies, one when it has answered to the one before. */
export interface Task {
  readonly work: Work;
  /** Milliseconds for one record. */
  readonly time: number;
}

/** What it answers to a body. */
export type MendAnswer =
  | { readonly mended: Mended | undefined }
  | { readonly poison: { readonly code: string; readonly message: string; readonly field: string | undefined } }
  | { readonly late: true }
  | { readonly broken: string };

// Ctrl-C in a terminal reaches every process of it. The parent ends first what it has begun.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.on('disconnect', () => process.exit(0));

/** @throws PoisonError for a record that stays */
type Make = (body: Uint8Array) => Mended | undefined;

function makerOf(work: Work): Make {
  if ('expressions' in work) {
    const mending = new Mending(work, work.expressions);
    return (body) => mending.mend(body);
  }
  const entity = compileEntity(work.entity, work.config);
  return (body) => {
    entity.decode(parseBody(body));
    return undefined;
  };
}

process.once('message', ({ work, time }: Task) => {
  const make = makerOf(work);
  const box: { work: () => Mended | undefined } = {
    work: () => {
      throw new Error('there is no body yet');
    },
  };
  const context = createContext(box);
  const script = new Script('work()');
  const answerTo = (body: Uint8Array): MendAnswer => {
    box.work = () => make(body);
    try {
      // A parent that is killed meanwhile cannot end an expression that never ends.
      return { mended: script.runInContext(context, { timeout: time }) as Mended | undefined };
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
