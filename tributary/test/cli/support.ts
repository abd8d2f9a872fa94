import { EventEmitter } from 'node:events';
import { runCli } from '../../src/cli/program.js';
import type { Context } from '../../src/cli/shell/context.js';
import { speller } from '../../src/cli/shell/spelling.js';
import { type Output, Terminal } from '../../src/cli/shell/terminal.js';

/** An output that keeps what is written to it. */
export class Kept extends EventEmitter implements Output {
  readonly isTTY: boolean;
  readonly columns = 60;
  text = '';

  constructor(isTTY = false) {
    super();
    this.isTTY = isTTY;
  }

  write(text: string): void {
    this.text += text;
  }
}

export interface Surroundings {
  readonly env?: Readonly<Record<string, string>>;
  readonly installed?: boolean;
}

/** Runs a command in this process. @returns its exit code, and all that it wrote */
export async function cli(args: readonly string[], { env = {}, installed = false }: Surroundings = {}) {
  const [stdout, stderr] = [new Kept(), new Kept()];
  const context: Context = {
    env,
    terminal: new Terminal(stdout, stderr),
    spell: speller(installed ? 'package' : 'checkout'),
    untilStopped: () => new AbortController().signal,
    run: async (service) => await service.stop(),
    exit: (code) => {
      throw new Error(`exited with ${code}`);
    },
  };
  const code = await runCli(args, '1.2.3', context);
  return { code, stdout: stdout.text, stderr: stderr.text };
}
