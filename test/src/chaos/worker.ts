import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type Reaper, startReaper } from '../../services/reaper.js';
import type { FakeClock } from './world/clock.js';

export type Workspace = 'producer' | 'consumer' | 'mock-api';

export interface WorkerOptions {
  readonly name: string;
  readonly workspace: Workspace;
  readonly env: Readonly<Record<string, string>>;
  readonly port: number;
  /** Its log goes to `<folder>/<name>.log`, all its lives in one file. */
  readonly folder: string;
  /** Its wall clock, if that can be moved. */
  readonly clock?: FakeClock | undefined;
}

/** The built program, also where a workspace's name leads to its sources, as it does under vitest. */
export const programOf = (workspace: Workspace): string =>
  join(dirname(createRequire(import.meta.url).resolve(`@tributary/${workspace}`)), '..', 'dist', 'main.js');

/** One service as a process of its own, that may be hurt and started again. */
export class Worker {
  readonly name: string;
  readonly url: string;
  readonly clock: FakeClock | undefined;
  /** What it runs from its next start on. */
  program: string;
  readonly #options: WorkerOptions;
  readonly #onDeath: (how: string) => void;
  readonly #reaper: Reaper;
  #child: ChildProcess | undefined;
  #ended: Promise<unknown> = Promise.resolve();
  /** Somebody here asked it to end. */
  #asked = false;
  #paused = false;

  /** @param onDeath told when it ends though nobody asked it to */
  constructor(options: WorkerOptions, onDeath: (how: string) => void) {
    this.#options = options;
    this.#onDeath = onDeath;
    this.name = options.name;
    this.program = programOf(options.workspace);
    this.clock = options.clock;
    this.url = `http://127.0.0.1:${options.port}`;
    const own = join(options.folder, options.name);
    mkdirSync(own);
    // Ends the process too if this one is killed.
    this.#reaper = startReaper(own);
  }

  get workspace(): Workspace {
    return this.#options.workspace;
  }

  get runs(): boolean {
    return this.#child !== undefined;
  }

  /** Undefined while it does not run. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get isPaused(): boolean {
    return this.#paused;
  }

  start(): void {
    if (this.#child !== undefined) return;
    const { name, env, port, folder } = this.#options;
    const log = openSync(join(folder, `${name}.log`), 'a');
    const child = spawn(process.execPath, ['--enable-source-maps', this.program], {
      env: { ...env, PORT: String(port), INSTANCE_ID: name },
      cwd: folder,
      // A group of its own: Ctrl-C is for the process that runs the chaos, which then stops this one.
      detached: true,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.#child = child;
    this.#asked = false;
    this.#reaper.watch(child.pid);
    this.#ended = once(child, 'exit').then(([code, signal]) => {
      this.#child = undefined;
      this.#paused = false;
      this.#reaper.watch(undefined);
      if (!this.#asked) this.#onDeath(`${name} ended by itself (${code === null ? signal : `exit code ${code}`})`);
      return code;
    });
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    this.#asked = true;
    this.#child?.kill('SIGKILL');
    await this.#ended;
  }

  pause(): void {
    this.#paused = this.#child?.kill('SIGSTOP') === true;
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
    this.#paused = false;
  }

  /** SIGTERM. @returns its exit code; null if a signal ended it after all */
  async terminate(): Promise<number | null> {
    this.#asked = true;
    this.#child?.kill('SIGTERM');
    return (await this.#ended) as number | null;
  }

  /** Ends it and what watches it, whatever state they are in. */
  async release(): Promise<void> {
    await this.kill();
    await this.#reaper.release();
  }

  /** One of its pages, such as /metrics. @throws Error if it does not answer with 200 */
  async get(path: string): Promise<string> {
    const response = await fetch(`${this.url}${path}`, { signal: AbortSignal.timeout(5_000) });
    const body = await response.text();
    if (!response.ok) throw new Error(`${this.name} ${path} answers ${response.status}: ${body.slice(0, 500)}`);
    return body;
  }

  /** What it counts under a name, over all labels. */
  async metric(name: string): Promise<Map<string, number>> {
    const values = new Map<string, number>();
    for (const line of (await this.get('/metrics')).split('\n')) {
      const [, labels, value] = new RegExp(`^${name}({[^}]*})? (\\S+)$`).exec(line) ?? [];
      if (value !== undefined) values.set(labels ?? '', Number(value));
    }
    return values;
  }
}
