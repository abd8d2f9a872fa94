import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { builtFile, describeError, FatalError } from '@tributary/shared';

/** Where the stand-ins listen; also what their process sends when they do. */
interface Urls {
  readonly amqpUrl: string;
  readonly redisUrl: string;
}

/** The stand-ins for RabbitMQ and Redis, as they run. */
export interface StandIns extends Urls {
  /** Of the one process that holds both. */
  readonly pid: number;
  /** Ends both, and with them everything in their memory. Safe to call again. */
  stop(): Promise<void>;
}

export interface StandInsOptions {
  /** Told once if they end by themselves after they had started. */
  readonly onLost?: (error: FatalError) => void;
}

/** Milliseconds. */
const START_TIMEOUT = 60_000;
const STOP_TIMEOUT = 3_000;

/**
 * Starts an AMQP server and a Redis-protocol server that need nothing but Node, in one process of their own. That
 * process never outlives this one, however this one ends.
 * @throws FatalError if they do not come up, with what they printed last
 */
export async function startStandIns(options: StandInsOptions = {}): Promise<StandIns> {
  const child = fork(builtFile('./stand-ins-child.js', import.meta.url), [], {
    // Valkey's log goes to stdout and helps nobody; stderr is kept for the day they die.
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  const ended = untilEnded(child);
  let running = false;
  const stop = async () => {
    running = false;
    if (child.connected) child.disconnect();
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT);
    await ended;
    clearTimeout(late);
  };
  try {
    const urls = await untilListening(child, ended);
    running = true;
    ended.then((how) => {
      if (!running) return;
      const remedy = 'what was in their memory is gone; start again: rows that were written are not written twice';
      options.onLost?.(new FatalError('stand_ins_lost', `${how}; ${remedy}`));
    });
    return { ...urls, pid: child.pid ?? 0, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function untilListening(child: ChildProcess, ended: Promise<string>): Promise<Urls> {
  const settled = new AbortController();
  const { signal } = settled;
  const listening = once(child, 'message', { signal }).then(([message]) => message as Urls);
  const late = sleep(START_TIMEOUT, `the stand-ins for RabbitMQ and Redis are not up after ${START_TIMEOUT} ms`, {
    signal,
  });
  const failed = Promise.race([ended, late]).then((reason): never => {
    throw new FatalError('stand_ins_failed', `${reason}; set AMQP_URL and REDIS_URL to use servers of your own`);
  });
  try {
    return await Promise.race([listening, failed]);
  } finally {
    settled.abort();
  }
}

/** Resolves when the process is gone, with how it went and what it printed last. */
async function untilEnded(child: ChildProcess): Promise<string> {
  let printed = '';
  const stderr = child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    printed = `${printed}${text}`.slice(-2_000);
  });
  try {
    // "exit" may come before the last of stderr, and "close" does not come after a disconnect (Node 20).
    const [[code, signal]] = await Promise.all([once(child, 'exit'), stderr && once(stderr, 'close')]);
    const how = `the stand-ins for RabbitMQ and Redis ended (${signal ?? `exit code ${code}`})`;
    return printed === '' ? how : `${how}:\n${printed.trim()}\n`;
  } catch (error) {
    return `the stand-ins for RabbitMQ and Redis cannot be run: ${describeError(error)}`;
  }
}
