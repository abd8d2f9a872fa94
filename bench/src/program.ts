import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, type Reaper, startReaper, until } from '@tributary/test/services';
import type { Bench } from './bench.js';
import { sumOf } from './metrics.js';

export type ServiceName = 'producer' | 'consumer' | 'tributary';

/** The programs that `tsc -b` built, from the root of the repository, and the first arguments of each. */
const PROGRAMS: Readonly<Record<ServiceName, readonly [file: string, ...words: string[]]>> = {
  producer: ['producer/dist/main.js'],
  consumer: ['consumer/dist/main.js'],
  tributary: ['tributary/dist/cli/main.js', 'start'],
};

/** Milliseconds. A busy machine needs far more time than usual. */
const START_TIMEOUT = 60_000;
const STOP_TIMEOUT = 30_000;

/** A service as people run it: a process of its own. It ends when the bench ends, also when the bench is killed. */
export class Program {
  readonly name: ServiceName;
  readonly pid: number;
  /** Resolves with the exit code when it has ended; null after a signal. */
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #url: string;
  readonly #reaper: Reaper;
  readonly #logFile: string;
  #runs = true;

  private constructor(
    name: ServiceName,
    port: number,
    bench: Bench,
    args: readonly string[],
    environment: Readonly<Record<string, string>>,
  ) {
    const own = mkdtempSync(join(bench.folder, `${name}-`));
    this.name = name;
    this.#url = `http://127.0.0.1:${port}`;
    this.#logFile = join(own, 'log');
    this.#reaper = startReaper(own);
    const log = openSync(this.#logFile, 'a');
    const profile = bench.profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${bench.profiles}`];
    const [path, ...words] = PROGRAMS[name];
    // Both `src` and `dist` are two folders below the root.
    const file = fileURLToPath(new URL(`../../${path}`, import.meta.url));
    this.#child = spawn(process.execPath, [...profile, file, ...words, ...args], {
      cwd: own,
      env: { ...bench.environment, LOG_LEVEL: 'warn', INSTANCE_ID: name, ...environment, PORT: String(port) },
      // In a process group of its own, so that Ctrl-C reaches only the bench, which then ends this process.
      detached: true,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.pid = this.#child.pid ?? 0;
    this.#reaper.watch(this.pid);
    this.ended = once(this.#child, 'exit').then(([code]) => {
      this.#runs = false;
      this.#reaper.watch(undefined);
      return code as number | null;
    });
  }

  /** Starts it without waiting until it is ready. */
  static async start(
    bench: Bench,
    name: ServiceName,
    environment: Readonly<Record<string, string>>,
    args: readonly string[] = [],
  ): Promise<Program> {
    const program = new Program(name, await freePort(), bench, args, environment);
    bench.release.add(`${name} ${program.pid}`, () => program.end('SIGKILL'));
    return program;
  }

  /** Resolves when it is ready. @throws Error with the end of its log if it has ended or is not ready in time */
  async ready(signal: AbortSignal): Promise<void> {
    const lacking = async () => {
      const response = await fetch(`${this.#url}/readyz`);
      return response.status === 200 ? undefined : await response.text();
    };
    const options = { timeout: START_TIMEOUT, signal, every: 50, hopeless: () => this.hopeless() };
    await until(`${this.name} is ready`, lacking, options);
  }

  /** Why it can do nothing any more; undefined while it runs. */
  hopeless(): string | undefined {
    if (this.#runs) return undefined;
    return `it has ended: ${this.log().trim().split('\n').slice(-5).join('\n')}`;
  }

  /** Everything that it has printed. */
  log(): string {
    return readFileSync(this.#logFile, 'utf8');
  }

  /** Its counters and gauges as they are now. The function adds up one of them over all series that have the labels. */
  async metrics(): Promise<(name: string, labels?: Readonly<Record<string, string>>) => number> {
    const hopeless = this.hopeless();
    if (hopeless !== undefined) throw new Error(`${this.name}: ${hopeless}`);
    const text = await (await fetch(`${this.#url}/metrics`)).text();
    return (name, labels) => sumOf(text, name, labels);
  }

  /** Ends it with SIGTERM, so that it acknowledges everything first. */
  async stop(): Promise<void> {
    const late = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT);
    await this.end('SIGTERM');
    clearTimeout(late);
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.#runs) this.#child.kill(signal);
    await this.ended;
    await this.#reaper.release();
  }
}
