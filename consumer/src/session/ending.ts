import { describeBrokerError } from '@tributary/shared';
import { WriterLost } from '../writer-lost.js';

/** What ended a session. After all but `stopped` another session begins, with a new writer. */
export interface SessionEnd {
  readonly after: 'stopped' | 'channel closed' | 'consumer cancelled' | 'writer lost' | 'held too long' | 'failed';
  readonly reason?: string | undefined;
  /** Set if the code itself failed, such as by a TypeError: what was at work may be the cause. An outage is not. */
  readonly isFault?: boolean;
}

/** What the language itself throws. Errors of servers, of the network and of files have other names. */
const FAULTS: ReadonlySet<string> = new Set(['TypeError', 'RangeError', 'ReferenceError', 'SyntaxError']);

const isFault = (error: unknown): boolean => error instanceof Error && FAULTS.has(error.name);

/** Decides how a session ends: the first reason counts. */
export class Ending {
  readonly outcome: Promise<SessionEnd>;
  readonly #stop: AbortSignal;
  readonly #overdue: AbortSignal;
  readonly #abandoned = new AbortController();
  #resolve: (end: SessionEnd) => void = () => {};

  readonly #onStop = () => this.by('stopped');
  readonly #onOverdue = () => this.abandon();

  /**
   * @param stop aborted to end the session in good order
   * @param overdue aborted when the time for that is over
   */
  constructor(stop: AbortSignal, overdue: AbortSignal) {
    this.#stop = stop;
    this.#overdue = overdue;
    this.outcome = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    if (stop.aborted) this.by('stopped');
    if (overdue.aborted) this.abandon();
    stop.addEventListener('abort', this.#onStop);
    overdue.addEventListener('abort', this.#onOverdue);
  }

  /** Aborted when the session waits for nothing any more. */
  get abandoned(): AbortSignal {
    return this.#abandoned.signal;
  }

  by(after: SessionEnd['after'], reason?: string): void {
    this.#resolve({ after, reason });
  }

  byError(error: unknown): void {
    const reason = describeBrokerError(error);
    if (error instanceof WriterLost) this.by('writer lost', reason);
    else if (error instanceof Error && error.name === 'IllegalOperationError') this.by('channel closed', reason);
    else this.#resolve({ after: 'failed', reason, isFault: isFault(error) });
  }

  abandon(): void {
    this.#abandoned.abort();
  }

  /** Takes its listeners off the two signals, which outlive the session. */
  close(): void {
    this.abandon();
    this.#stop.removeEventListener('abort', this.#onStop);
    this.#overdue.removeEventListener('abort', this.#onOverdue);
  }
}
