import type { Environment, Logger, Service } from '@tributary/shared';
import type { Dialogue } from './dialogue.js';
import type { Spell } from './spelling.js';
import type { Terminal } from './terminal.js';

/** What a command may touch of the process that it runs in. `main.ts` makes the real one. */
export interface Context {
  readonly env: Environment;
  readonly terminal: Terminal;
  /** Asks the person at the terminal; absent where none is, as in a pipe. */
  readonly dialogue?: Dialogue | undefined;
  /** How a person writes a command here. */
  readonly spell: Spell;
  /**
   * Aborts when the command shall stop: at Ctrl-C, SIGTERM, or when the reader of its output has gone. Without this call
   * each of them ends the process at once.
   */
  untilStopped(): AbortSignal;
  /** Runs a service until it shall stop; then it is stopped in good order, and the process ends. */
  run(service: Service, log: Logger): Promise<void>;
  /** Ends the process now. */
  exit(code: number): void;
}

/** What the exit codes mean. */
export const EXIT = { done: 0, failed: 1, usage: 2, allDied: 3 } as const;

/** A command has not done what it was asked, and has already said why. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}
