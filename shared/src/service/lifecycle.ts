import { describeError, FatalError } from '../errors.js';
import { outputWritten } from './log-output.js';
import { tellLeftOut } from './log-repeats.js';
import type { Logger } from './logging.js';
import { printable, withoutPasswords } from './safe-text.js';

/** A part of Tributary that runs: started once, stopped once, both safe to call again. */
export interface Service {
  start(): Promise<void>;
  /**
   * Takes in nothing new, finishes what it has begun, releases everything. It may be called before `start`.
   * @param deadline milliseconds after which unfinished work is left to redelivery
   */
  stop(deadline?: number): Promise<void>;
}

/** Things to release, in the reverse order in which they were made, each attempted even if another fails. */
export class ReleaseList {
  readonly #entries: { what: string; release: () => unknown }[] = [];

  add(what: string, release: () => unknown): void {
    this.#entries.push({ what, release });
  }

  /** @throws AggregateError naming everything that could not be released */
  async release(): Promise<void> {
    const failures: Error[] = [];
    for (let entry = this.#entries.pop(); entry !== undefined; entry = this.#entries.pop()) {
      try {
        await entry.release();
      } catch (cause) {
        failures.push(new Error(`${entry.what}: ${describeError(cause)}`, { cause }));
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'not everything could be released');
  }
}

export const DEFAULT_SHUTDOWN_DEADLINE = 25_000;

/** Ctrl-C under `npm start` arrives twice, from the terminal and from npm; within these milliseconds it counts as one signal. */
const SAME_SIGNAL = 500;

/** Milliseconds that the last lines of the log may take to be written before the process ends. */
const LAST_LINES = 1_000;

/**
 * Runs a service as a process: SIGTERM and SIGINT stop it within the deadline, a second signal ends it at once (which
 * is safe: what was not acknowledged is delivered again). Only `main.ts` files and the command line call this.
 * @param until stops it too, as a first signal would: the reader of its output has gone, for example
 */
export async function runMain(service: Service, log: Logger, until?: AbortSignal): Promise<void> {
  const deadline = DEFAULT_SHUTDOWN_DEADLINE;
  let stopping: number | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    if (stopping === undefined) return stop(signal);
    if (performance.now() - stopping < SAME_SIGNAL) return;
    log.warn({ signal }, 'second signal: ending at once; what was not acknowledged will come again');
    process.exit(1);
  };
  const stop = (signal: string) => {
    stopping = performance.now();
    log.info({ signal, deadlineMs: deadline }, 'stopping: finishing what is begun');
    const overdue = setTimeout(() => {
      log.error('not finished within the deadline: ending; what was not acknowledged will come again');
      process.exit(1);
    }, deadline + 2_000);
    const end = async (code: number) => {
      tellLeftOut();
      await outputWritten(LAST_LINES);
      process.exit(code);
    };
    service.stop(deadline).then(
      () => {
        clearTimeout(overdue);
        log.info('stopped');
        return end(0);
      },
      (error: unknown) => {
        log.error({ reason: describeError(error) }, 'stopped with errors');
        return end(1);
      },
    );
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  until?.addEventListener('abort', () => {
    if (stopping === undefined) stop('none');
  });
  try {
    await service.start();
  } catch (error) {
    log.fatal({ reason: describeError(error) }, 'cannot start');
    await outputWritten(LAST_LINES);
    process.exit(1);
  }
}

/** A service that is about to be run as a process, and the log of that process. */
export interface ServiceProcess {
  readonly service: Service;
  readonly log: Logger;
}

/**
 * Takes rights from all files and folders that this process makes: parts, kept bodies, cursors, the audit log, temporary files.
 * @param umask octal digits; files are 0640 and folders 0750 unless given
 * @throws FatalError for what is not a mask, or would keep the owner out
 */
export function setUmask(umask: string | undefined): void {
  const text = umask || '027';
  if (!/^0?0[0-7]{2}$/.test(text)) {
    throw new FatalError('settings_invalid', `UMASK: expected octal digits such as 027 or 022, found "${text}"`);
  }
  process.umask(Number.parseInt(text, 8));
}

/** All that a `main.ts` does: makes the service and runs it. If it cannot be made, stderr says why, and the exit code is 1. */
export async function runProcess(make: () => ServiceProcess, umask: string | undefined): Promise<void> {
  // A reader of stderr that has gone would end the process with the next warning of Node.
  process.stderr.on('error', () => {});
  try {
    setUmask(umask);
    const { service, log } = make();
    await runMain(service, log);
  } catch (error) {
    process.stderr.write(`${printable(withoutPasswords(describeError(error)))}\n`);
    process.exitCode = 1;
  }
}
