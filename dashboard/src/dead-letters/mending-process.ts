import { BoundedProcess, builtFile, PoisonError, RetryableError } from '@tributary/shared';
import type { Mended } from './mending.js';
import type { MendAnswer, Task, Work } from './mending-child.js';

export interface MendingLimits {
  /** Milliseconds for one record. */
  readonly time: number;
  /** Milliseconds for all of them together. */
  readonly inAll: number;
  /** Megabytes of its heap. */
  readonly memory: number;
}

const LIMITS: MendingLimits = { time: 10_000, inAll: 600_000, memory: 256 };

/** Milliseconds within which the process starts. */
const START = 120_000;

/**
 * Mends records, or judges them by a new definition, in a process of its own, one after the other, with limits of time and memory: an expression
 * that doubles what it holds held up the dashboard for minutes, with a producer and a consumer in the same process, or ended it; so did a definition
 * of 5,000 fields for the items of a list.
 *
 * Once a record was beyond a limit, all those behind it stay as they are: an operator's expression costs the limits once.
 */
export class MendingProcess {
  readonly #work: Work;
  readonly #signal: AbortSignal;
  readonly #limits: MendingLimits;
  #child: BoundedProcess | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #spent = 0;
  /** Why no more records are mended. */
  #refused: PoisonError | undefined;

  /** Starts nothing yet. @param signal ends what it does when it aborts */
  constructor(work: Work, signal: AbortSignal, limits: Partial<MendingLimits> = {}) {
    this.#work = work;
    this.#signal = signal;
    this.#limits = { ...LIMITS, ...limits };
  }

  /**
   * @returns undefined where records are only judged
   * @throws PoisonError for a record that stays, and for a record that is beyond a limit; RetryableError if there is no process; the
   *   signal's reason
   */
  mend(body: Uint8Array): Promise<Mended | undefined> {
    const turn = this.#last.then(() => this.#mendNow(body));
    this.#last = turn.catch(() => {});
    return turn;
  }

  /** Safe to call again. */
  async end(): Promise<void> {
    this.#kill();
    await this.#last;
    this.#kill();
  }

  #kill(): void {
    this.#child?.kill();
    this.#child = undefined;
  }

  async #mendNow(body: Uint8Array): Promise<Mended | undefined> {
    this.#signal.throwIfAborted();
    if (this.#refused !== undefined) throw this.#refused;
    this.#child ??= await this.#start();
    const { time, inAll, memory } = this.#limits;
    const began = performance.now();
    // It ends by itself after its time, unless it does not come to that.
    const answer = await this.#child.ask<MendAnswer>(body, { time: 2 * time, signal: this.#signal });
    this.#spent += performance.now() - began;
    if (answer === 'spent' || answer === 'killed') throw this.#refuse(`more than ${memory} MB for one record`);
    if (answer === 'late' || 'late' in answer) throw this.#refuse(`more than ${time / 1_000} s for one record`);
    if (this.#spent > inAll) this.#refuse(`more than ${inAll / 1_000} s in all`);
    if ('mended' in answer) return answer.mended && { ...answer.mended, body: Buffer.from(answer.mended.body) };
    if ('broken' in answer) throw new Error(answer.broken);
    const { code, message, field } = answer.poison;
    throw new PoisonError(code, message, field);
  }

  #refuse(why: string): PoisonError {
    this.#kill();
    const [code, what, use] =
      'expressions' in this.#work
        ? ['expression_too_costly', 'the expressions take', 'simpler expressions']
        : ['definition_too_costly', 'the definition takes', 'fewer fields'];
    const message = `${what} ${why}: this record and those behind it stay as they are; use ${use}, or choose other dead letters`;
    this.#refused = new PoisonError(code, message);
    return this.#refused;
  }

  async #start(): Promise<BoundedProcess> {
    const child = new BoundedProcess(builtFile('./mending-child.js', import.meta.url), this.#limits.memory);
    this.#child = child;
    const task: Task = { work: this.#work, time: this.#limits.time };
    const ready = await child.ask<'ready'>(task, { time: START, signal: this.#signal });
    if (ready === 'ready') return child;
    this.#kill();
    throw new RetryableError('mending_failed', 'the process that mends records does not start; try again');
  }
}
