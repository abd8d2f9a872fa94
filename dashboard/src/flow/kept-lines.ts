import { constants } from 'node:fs';
import { appendFile, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describeError, type Logger, readText, replaceFile } from '@tributary/shared';

/**
 * A small file of what is remembered, one JSON object a line, so that a restart of the dashboard does not lose it. It is written behind
 * what is shown: what it cannot hold, because the disk is full or nothing may be written there, is told once, and is in memory only.
 */
export class KeptLines<T extends object> {
  readonly #path: string | undefined;
  readonly #most: number;
  readonly #all: () => readonly T[];
  readonly #log: Logger;
  #lines = 0;
  #waiting: T[] = [];
  #writing: Promise<void> | undefined;
  #isTold = false;

  /**
   * @param path undefined to keep nothing
   * @param most lines after which the file is written anew
   * @param all what is to be kept, the oldest first
   */
  constructor(path: string | undefined, most: number, all: () => readonly T[], log: Logger) {
    this.#path = path;
    this.#most = most;
    this.#all = all;
    this.#log = log;
  }

  /** What was kept, the oldest first. A line that was torn by a crash is left out. */
  async load(): Promise<T[]> {
    if (this.#path === undefined) return [];
    try {
      const lines = (await readText(this.#path)).split('\n');
      this.#lines = lines.length;
      return lines.flatMap((line) => parse(line) as T[]);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#tell(error);
      return [];
    }
  }

  add(...lines: readonly T[]): void {
    if (this.#path === undefined || lines.length === 0) return;
    this.#waiting.push(...lines);
    this.#writing ??= this.#write(this.#path).finally(() => {
      this.#writing = undefined;
    });
  }

  /** Resolves when all is written. */
  async close(): Promise<void> {
    await this.#writing;
  }

  async #write(path: string): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0);
      try {
        this.#lines += batch.length;
        await mkdir(dirname(path), { recursive: true });
        if (this.#lines > this.#most) await this.#writeAnew(path);
        // A line that a crash tore ends here.
        else await appendFile(path, `\n${textOf(batch)}`, { mode: 0o600, flag: APPEND });
      } catch (error) {
        this.#tell(error);
      }
    }
  }

  async #writeAnew(path: string): Promise<void> {
    const all = this.#all();
    await replaceFile(path, textOf(all), 0o600);
    this.#lines = all.length;
  }

  #tell(error: unknown): void {
    if (this.#isTold) return;
    this.#isTold = true;
    this.#log.warn(
      { reason: describeError(error) },
      'runs and charts are kept in memory only: their file cannot be used; a restart of the dashboard loses them',
    );
  }
}

/** Without O_NONBLOCK, a pipe in the place of the file would be opened for ever. */
const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | (constants.O_NONBLOCK ?? 0);

const textOf = (lines: readonly object[]): string => lines.map((line) => JSON.stringify(line)).join('\n');

function parse(line: string): object[] {
  try {
    const read: unknown = line === '' ? null : JSON.parse(line);
    return read !== null && typeof read === 'object' ? [read] : [];
  } catch {
    return [];
  }
}
