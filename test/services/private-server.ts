import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError } from '@tributary/shared';
import type { PrivateService } from './handle.js';
import { family, signal, untilGone } from './processes.js';
import { startReaper } from './reaper.js';

/** How to run one server from a program of this machine, in a folder of its own. */
export interface Recipe {
  /** As people call it: RabbitMQ. */
  readonly name: string;
  readonly url: string;
  readonly how: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
  /** What makes it stop in good order. */
  readonly stopSignal: NodeJS.Signals;
  /** Resolves when a real client gets an answer; rejects while none does. */
  readonly check: (url: string) => Promise<void>;
}

/** Milliseconds for a start, and for a stop in good order. A machine with two busy cores needs far more than usual. */
const START_TIMEOUT = 120_000;
const STOP_TIMEOUT = 30_000;

/**
 * Runs a server privately.
 * @param prepare writes what the server needs into its new folder, and chooses its ports; called again, with another
 * folder, if another process took one of the ports meanwhile
 * @throws Error with the end of the server's log if it does not come up
 */
export async function runPrivately(prepare: (folder: string) => Promise<Recipe>): Promise<PrivateService> {
  for (let attempt = 1; ; attempt++) {
    const folder = mkdtempSync(join(tmpdir(), 'tributary-'));
    const reaper = startReaper(folder);
    try {
      const server = privateServer(folder, await prepare(folder), reaper);
      await server.up();
      return server;
    } catch (error) {
      await reaper.release();
      if (attempt === 3 || !/eaddrinuse|address already in use/i.test(describeError(error))) throw error;
    }
  }
}

function privateServer(folder: string, recipe: Recipe, reaper: ReturnType<typeof startReaper>): PrivateService {
  const logFile = join(folder, 'server.log');
  let running: { pid: number; ended: Promise<unknown> } | undefined;
  let stopped: Promise<void> | undefined;

  const up = async () => {
    if (running !== undefined) return;
    if (stopped !== undefined) throw new Error(`${recipe.name} was stopped for good: its folder is gone`);
    const child = launch(folder, recipe, logFile);
    const ended = once(child, 'exit');
    if (child.pid !== undefined) {
      running = { pid: child.pid, ended };
      reaper.watch(child.pid);
    }
    await untilItAnswers(recipe, ended, logFile);
  };

  const down = async () => {
    if (running === undefined) return;
    const { pid, ended } = running;
    // Stopped first, so that it cannot fork between the counting and the killing.
    signal([pid], 'SIGSTOP');
    const all = family(pid);
    signal(all, 'SIGKILL');
    await Promise.all([ended, untilGone(all)]);
    forget();
  };

  const stopGently = async () => {
    if (running === undefined) return;
    const { pid, ended } = running;
    const all = family(pid);
    signal(all, 'SIGCONT');
    signal([pid], recipe.stopSignal);
    const late = Symbol('late');
    const outcome = await Promise.race([ended, sleep(STOP_TIMEOUT, late, { ref: false })]);
    signal(family(pid), 'SIGKILL'); // Its helpers (epmd), or all of it.
    await untilGone(all);
    forget();
    if (outcome === late)
      throw new Error(`${recipe.name} did not stop in ${STOP_TIMEOUT / 1000} s of ${recipe.stopSignal}`);
  };

  const forget = () => {
    running = undefined;
    reaper.watch(undefined);
  };

  return {
    url: recipe.url,
    how: recipe.how,
    folder,
    up,
    down,
    async restart() {
      await stopGently();
      await up();
    },
    async kill() {
      await down();
      await up();
    },
    pause() {
      if (running === undefined) return;
      signal([running.pid], 'SIGSTOP');
      signal(family(running.pid), 'SIGSTOP');
    },
    resume() {
      if (running !== undefined) signal(family(running.pid), 'SIGCONT');
    },
    stop() {
      // The data are thrown away, so there is nothing to stop in good order for.
      stopped ??= down().finally(() => reaper.release());
      return stopped;
    },
  };
}

function launch(folder: string, { command, args, env, user }: Recipe, logFile: string): ChildProcess {
  const log = openSync(logFile, 'a');
  try {
    // A group of its own: Ctrl-C in the terminal is for the test process, which then lets go of the server.
    return spawn(command, args, { cwd: folder, env, detached: true, stdio: ['ignore', log, log], ...user });
  } finally {
    closeSync(log);
  }
}

async function untilItAnswers({ name, url, check }: Recipe, ended: Promise<unknown>, logFile: string): Promise<void> {
  let end: string | undefined;
  ended.then(
    () => {
      end = 'it ended';
    },
    (error: unknown) => {
      end = describeError(error);
    },
  );
  const deadline = Date.now() + START_TIMEOUT;
  for (;;) {
    const refusal = await check(url).then(
      () => undefined,
      (error: unknown) => describeError(error),
    );
    if (end === undefined && refusal === undefined) return;
    if (end !== undefined || Date.now() > deadline) {
      const reason = end ?? `no answer in ${START_TIMEOUT / 1000} s (${refusal})`;
      const log = readFileSync(logFile, 'utf8').trim().split('\n').slice(-15).join('\n');
      throw new Error(`${name} cannot be started: ${reason}. The end of its log:\n${log}`);
    }
    await sleep(50);
  }
}
