import { PipedLog, printable, withoutPasswords } from '@tributary/shared';

/** One of the process's two outputs. */
export interface Output {
  readonly isTTY?: boolean | undefined;
  /** How many characters a line of a terminal holds. */
  readonly columns?: number | undefined;
  /** Bytes that are not written yet, because the reader does not read. */
  readonly writableLength?: number | undefined;
  write(text: string): unknown;
  on(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown;
}

/** The log of a service that a command runs. A reader that does not read must not fill the memory. */
export const logOn = (terminal: Terminal, write: (line: string) => void): PipedLog =>
  new PipedLog({
    get writableLength() {
      return terminal.unread;
    },
    write,
  });

/** To the line's beginning, and everything from there on wiped. */
const WIPE = '\r\x1b[K';

/** Usual for a terminal that does not tell. */
const COLUMNS = 80;

/**
 * Stdout, for what was asked, and stderr, for what is said beside it. A status line may stand below both, where they are
 * terminals: it is wiped before anything is written, and drawn again after it.
 */
export class Terminal {
  readonly #stdout: Output;
  readonly #stderr: Output;
  readonly #closed = new AbortController();
  #status: { readonly output: Output; readonly text: string } | undefined;

  constructor(stdout: Output, stderr: Output) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    for (const output of [stdout, stderr]) output.on('error', (error) => this.#failed(error));
  }

  /** Aborts when the reader of stdout or stderr has gone, as `head` does. What is written after that is dropped. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** Whether a person reads stdout on a screen. */
  get isScreen(): boolean {
    return this.#stdout.isTTY === true;
  }

  /** How many characters a line of stdout holds. */
  get columns(): number {
    return this.#stdout.columns || COLUMNS;
  }

  /** Whether a person reads stderr on a screen. */
  get isErrorScreen(): boolean {
    return this.#stderr.isTTY === true;
  }

  /** Bytes that a reader of stdout or stderr has not taken yet. */
  get unread(): number {
    return Math.max(this.#stdout.writableLength ?? 0, this.#stderr.writableLength ?? 0);
  }

  /** Writes what was asked for. What a terminal would obey in it is shown as words: records and servers say what they like. */
  write(text: string): void {
    this.#put(this.#stdout, printable(text));
  }

  /** Writes what is said beside it, such as errors: without the passwords of URLs. */
  say(text: string): void {
    this.#put(this.#stderr, printable(withoutPasswords(text)));
  }

  /** As {@link say}, in colours: a text in which nothing else is left that a terminal would obey. */
  paint(text: string): void {
    this.#put(this.#stderr, withoutPasswords(text));
  }

  /** Draws the status line anew, on stderr unless told otherwise; undefined wipes it. Does nothing where no screen is. */
  status(text: string | undefined, output: 'stdout' | 'stderr' = 'stderr'): void {
    this.#wipe();
    const screen = output === 'stdout' ? this.#stdout : this.#stderr;
    this.#status =
      text === undefined || screen.isTTY !== true
        ? undefined
        : { output: screen, text: printable(text).replaceAll('\n', ' ') };
    this.#draw();
  }

  #put(output: Output, text: string): void {
    if (this.#closed.signal.aborted) return;
    this.#wipe();
    output.write(text);
    this.#draw();
  }

  #wipe(): void {
    if (!this.#closed.signal.aborted) this.#status?.output.write(WIPE);
  }

  #draw(): void {
    if (this.#status === undefined || this.#closed.signal.aborted) return;
    const { output, text } = this.#status;
    // A line that wraps could not be wiped.
    output.write(text.slice(0, (output.columns || COLUMNS) - 1));
  }

  #failed(error: NodeJS.ErrnoException): void {
    if (error.code !== 'EPIPE') throw error;
    this.#closed.abort(error);
  }
}

/** Milliseconds. */
const PROGRESS_EVERY = 1_000;

/**
 * Shows on stderr, if it is a terminal, that work goes on that takes longer than a second, and for how long it has.
 * @param what what goes on, as a person calls it; asked again each second
 */
export async function withProgress<T>(
  terminal: Terminal,
  what: () => string | Promise<string>,
  work: Promise<T>,
): Promise<T> {
  if (!terminal.isErrorScreen) return await work;
  const started = performance.now();
  let done = false;
  const timer = setInterval(async () => {
    const text = await what();
    if (!done) terminal.status(`${text} (${Math.round((performance.now() - started) / 1_000)} s)`);
  }, PROGRESS_EVERY);
  try {
    return await work;
  } finally {
    done = true;
    clearInterval(timer);
    terminal.status(undefined);
  }
}
