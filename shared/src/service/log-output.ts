import { fstatSync, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import type { DestinationStream } from 'pino';
import { systemClock, within } from './clock.js';

/** What a log needs of a stream that writes without blocking. */
export interface LogStream {
  /** Bytes that are not written yet. */
  readonly writableLength: number;
  write(text: string): unknown;
}

/** Bytes that may wait for a reader that does not read. */
const MOST_WAITING = 4 * 1024 * 1024;

/**
 * A log on a pipe. A reader that does not read stops nothing: what is beyond some megabytes is left out, and told when there is
 * room again. (pino's own destination blocks the exit of the process then, and repeats a write to a reader that has gone for ever.)
 */
export class PipedLog implements DestinationStream {
  readonly #stream: LogStream;
  readonly #most: number;
  #leftOut = 0;

  constructor(stream: LogStream, most = MOST_WAITING) {
    this.#stream = stream;
    this.#most = most;
  }

  write(line: string): void {
    if (this.#stream.writableLength > this.#most) {
      this.#leftOut += 1;
      return;
    }
    if (this.#leftOut > 0) this.#tell();
    this.#stream.write(line);
  }

  #tell(): void {
    const msg = `${this.#leftOut} lines of this log were left out, because its reader did not read`;
    this.#leftOut = 0;
    this.#stream.write(`${JSON.stringify({ level: 'warn', time: new Date().toISOString(), msg })}\n`);
  }
}

/** A log in a file, or on a device. A line that cannot be written, because the disk is full, is lost, and no later one. */
const fileLog = (fd: number): DestinationStream => ({
  write(line) {
    try {
      for (let rest = Buffer.from(line); rest.length > 0; ) rest = rest.subarray(writeSync(fd, rest));
    } catch {
      // There is no other place to say so.
    }
  },
});

let ofProcess: DestinationStream | undefined;

/** The log of the process, on stdout. A reader that has gone ends neither the process nor the log's callers. */
export function stdoutLog(): DestinationStream {
  ofProcess ??= isStream(1) ? pipedStdout() : fileLog(1);
  return ofProcess;
}

function pipedStdout(): DestinationStream {
  process.stdout.on('error', () => {});
  return new PipedLog(process.stdout);
}

function isStream(fd: number): boolean {
  try {
    const stat = fstatSync(fd);
    return isatty(fd) || stat.isFIFO() || stat.isSocket();
  } catch {
    return true;
  }
}

/** Waits until what was written to stdout and stderr is out, but not for long: a reader may never read. */
export async function outputWritten(milliseconds: number): Promise<void> {
  const written = [process.stdout, process.stderr].map(
    (stream) => new Promise<void>((resolve) => stream.write('', () => resolve())),
  );
  await within(systemClock, milliseconds, Promise.all(written));
}
