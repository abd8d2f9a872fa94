import { type ChildProcess, fork } from 'node:child_process';

/** What is asked of it. */
export interface Asking {
  /** Milliseconds within which it has to say something. */
  readonly time: number;
  /** Ends the process when it aborts. */
  readonly signal: AbortSignal;
  /**
   * Replies to what the process asks for before it answers; undefined for what is the answer. While it waits for the reply no time counts.
   * What the reply throws is thrown by {@link BoundedProcess.ask}.
   */
  serve?(message: unknown): Promise<unknown> | undefined;
}

/** Why there is no answer. Its memory is `spent`, something else `killed` it, or it was `late`. */
export type NoAnswer = 'spent' | 'killed' | 'late';

/** What Node ends with when the heap, or one value, does not fit into the memory: it depends on its version. */
const ABORTED: readonly unknown[] = ['SIGABRT', 'SIGTRAP', 'SIGILL', 134];

/**
 * A process with a bound on its memory, which answers to one message after the other. A thread is not enough: one text that does not fit
 * into the memory of a thread ends the whole process. Nothing of the environment is in it but what it is given.
 */
export class BoundedProcess {
  readonly #child: ChildProcess;

  /**
   * @param file a built module, which must end when its parent disconnects (see `builtFile`)
   * @param memory megabytes of its heap
   * @param env all that it has of an environment
   */
  constructor(file: string, memory: number, env: Readonly<Record<string, string>> = {}) {
    this.#child = fork(file, [], {
      env,
      execArgv: [`--max-old-space-size=${memory}`],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    // It may end while something is sent to it: that is told by its exit.
    this.#child.on('error', () => {});
  }

  /** Safe to call again. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Undefined if it has not started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null && this.#child.connected;
  }

  /** Whether the process that started it stays for it. */
  hold(isHeld: boolean): void {
    const { channel } = this.#child;
    if (isHeld) this.#child.ref();
    else this.#child.unref();
    if (isHeld) channel?.ref();
    else channel?.unref();
  }

  /** @throws the signal's reason; what `serve` throws. The process is killed then. */
  ask<Answer>(message: unknown, { time, signal, serve }: Asking): Promise<Answer | NoAnswer> {
    const child = this.#child;
    return new Promise((resolve, reject) => {
      let late: NodeJS.Timeout | undefined;
      let isSettled = false;
      let replies = 0;
      const settle = (done: () => void) => {
        isSettled = true;
        clearTimeout(late);
        child.off('message', answered).off('exit', exited).off('error', exited);
        signal.removeEventListener('abort', aborted);
        done();
      };
      const fail = (reason: unknown) =>
        settle(() => {
          this.kill();
          reject(reason);
        });
      const send = (what: unknown) => {
        if (isSettled) return;
        clearTimeout(late);
        if (replies === 0) late = setTimeout(() => settle(() => resolve('late')), time);
        if (child.exitCode !== null || child.signalCode !== null) exited();
        // One that has closed its channel and is still ending says by its exit why.
        else if (child.connected) child.send(what as object);
      };
      const answered = (said: unknown) => {
        const reply = serve?.(said);
        if (reply === undefined) return settle(() => resolve(said as Answer));
        clearTimeout(late);
        replies += 1;
        reply.then((what) => {
          replies -= 1;
          send(what);
        }, fail);
      };
      const exited = () => {
        const isSpent = ABORTED.includes(child.signalCode) || ABORTED.includes(child.exitCode);
        settle(() => resolve(isSpent ? 'spent' : 'killed'));
      };
      const aborted = () => fail(signal.reason);
      child.on('message', answered).on('exit', exited).on('error', exited);
      signal.addEventListener('abort', aborted);
      if (signal.aborted) aborted();
      else send(message);
    });
  }
}
