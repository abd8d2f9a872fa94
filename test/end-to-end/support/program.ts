import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** The repository's top folder: what a person's commands run in. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

const CLI = 'tributary/dist/cli/main.js';

/** What people run, as `tsc -b` built it: the commands of package.json's scripts. */
const PROGRAMS = {
  tributary: [CLI, 'start'],
  producer: [CLI, 'producer'],
  consumer: [CLI, 'consumer'],
  'mock-api': [CLI, 'mock-api'],
  dashboard: [CLI, 'dashboard'],
  'check-config': [CLI, 'check'],
  'json-server': ['node_modules/json-server/lib/cli/bin.js'],
} as const;

export type ProgramName = keyof typeof PROGRAMS;

export interface ProgramOptions {
  readonly args?: readonly string[];
  /** All of its environment but PATH, HOME and TMPDIR: what the developer has set must not change a test. */
  readonly env?: Readonly<Record<string, string>>;
}

/** How a process went, and all that it said. */
export interface Ended {
  /** The exit code; null after a signal. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** So long may a process take to stop in good order before it is killed, in milliseconds. */
const STOP_TIMEOUT = 30_000;

/** A process of the real thing. */
export class Program {
  readonly pid: number;
  /** Resolves when it has gone and all of its output has come. */
  readonly ended: Promise<Ended>;
  #stdout = '';
  #stderr = '';
  #isRunning = true;
  readonly #kill: (signal: NodeJS.Signals) => void;
  readonly name: ProgramName;

  constructor(name: ProgramName, { args = [], env = {} }: ProgramOptions) {
    this.name = name;
    const [path, ...command] = PROGRAMS[name];
    const file = `${ROOT}${path}`;
    if (!existsSync(file)) throw new Error(`there is no ${file}: run "npm run build" first`);
    const { PATH = '', HOME = '', TMPDIR } = process.env;
    const child = spawn(process.execPath, [file, ...command, ...args], {
      cwd: ROOT,
      env: { PATH, HOME, ...(TMPDIR === undefined ? {} : { TMPDIR }), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.pid = child.pid ?? 0;
    this.#kill = (signal) => void child.kill(signal);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        this.#isRunning = false;
        resolve({ code, signal, stdout: this.#stdout, stderr: this.#stderr });
      });
    });
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** What `ready` gives. @throws Error with all that the process said, if it ends before that */
  async orEnd<T>(ready: Promise<T>): Promise<T> {
    const early = this.ended.then(({ code, signal, stdout, stderr }) => {
      throw new Error(`${this.name} has ended (${signal ?? code}): ${stdout} ${stderr}`);
    });
    return await Promise.race([ready, early]);
  }

  signal(signal: NodeJS.Signals): void {
    this.#kill(signal);
  }

  /** Asks it to stop, and waits for that; one that does not is killed, which its `code` (null) tells. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    this.#kill(signal);
    const late = new AbortController();
    const kill = sleep(STOP_TIMEOUT, undefined, { signal: late.signal }).then(
      () => this.#kill('SIGKILL'),
      () => {},
    );
    const ended = await this.ended;
    late.abort();
    await kill;
    return ended;
  }
}
