import { type ConsumeMessage, describeError } from '@tributary/shared';
import type { AuditedAct } from '../audit/audit.js';
import type { DoTo, Visit } from './act.js';
import { type KeptStore, keptBodyOf } from './kept-bodies.js';
import type { Disposition } from './pass.js';

/**
 * Removes the bodies that were kept with the output for letters that an action on one queue has replayed or discarded. A body goes
 * last: after its replay is confirmed, its letter is acknowledged, and the pass over the queue has ended well. If the process dies
 * before, the body stays, and is of no harm.
 */
export class KeptRemoval {
  readonly #store: KeptStore;
  readonly #bodyOf: (message: ConsumeMessage) => Promise<unknown>;
  /** The bodies whose letters are gone, and what tells them from bodies that are kept again. */
  readonly #gone = new Map<string, string>();
  /** The bodies of letters that stay. */
  readonly #needed = new Set<string>();
  #turn: Promise<unknown> = Promise.resolve();

  /** @param bodyOf rejects for a letter that names the body of another */
  constructor(store: KeptStore, bodyOf: (message: ConsumeMessage) => Promise<unknown>) {
    this.#store = store;
    this.#bodyOf = bodyOf;
  }

  /** Does it to letters with kept bodies one after the other: such a body may be as large as all memory that there is for letters. */
  around(doTo: DoTo): DoTo {
    return (message, letter) => {
      const id = keptBodyOf(message);
      if (id === undefined) return doTo(message, letter);
      const turn = this.#turn.then(async () => {
        // Before the replay: it may die again, and its body is kept anew then.
        const isOwn = await this.#bodyOf(message).then(
          () => true,
          () => false,
        );
        const mark = isOwn ? await this.#store.mark(id).catch(() => undefined) : undefined;
        const problem = await doTo(message, letter);
        if (problem === undefined && mark !== undefined) this.#gone.set(id, mark);
        return problem;
      });
      this.#turn = turn.catch(() => {});
      return turn;
    };
  }

  /** Sees which letters stay in one pass over the queue. */
  seeing(visit: Visit): Visit {
    this.#needed.clear();
    const see = (id: string, disposition: Disposition): Disposition => {
      if (disposition === 'keep') this.#needed.add(id);
      return disposition;
    };
    return (message, letter) => {
      const disposition = visit(message, letter);
      const id = keptBodyOf(message);
      if (id === undefined) return disposition;
      return disposition instanceof Promise ? disposition.then((one) => see(id, one)) : see(id, disposition);
    };
  }

  /** @param isWhole whether all letters of the queue were seen; else another one may need the same body */
  async finish(act: AuditedAct, isWhole: boolean): Promise<void> {
    if (!isWhole) return;
    for (const [id, mark] of this.#gone) {
      if (this.#needed.has(id)) continue;
      await act.note('kept', { kept: id });
      const why = await this.#store.remove(id, mark).then(() => undefined, describeError);
      if (why !== undefined) await act.note('kept', { kept: id, why: `it stays, and can be deleted by hand: ${why}` });
    }
  }
}
