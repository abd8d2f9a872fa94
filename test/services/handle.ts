import { randomBytes } from 'node:crypto';

/** A server for tests, from wherever it could be had. */
export interface ServiceHandle {
  readonly url: string;
  /** Where it came from, in words for the one line that is printed. */
  readonly how: string;
  /** Releases it; safe to call again. A server that was there before the tests goes on running. */
  stop(): Promise<void>;
}

/**
 * A server of the test's own, that may be hurt: it keeps its port and its data folder through every restart, and only
 * `stop` removes them. One operation at a time.
 */
export interface PrivateService extends ServiceHandle {
  /** Everything that it keeps. It may be copied and put back while the server is down or paused. */
  readonly folder: string;
  /** Stops it in good order and starts it again; resolves when it answers. */
  restart(): Promise<void>;
  /** SIGKILLs every process of it and starts it again; resolves when it answers. */
  kill(): Promise<void>;
  /** SIGKILLs every process of it and leaves it dead, until `up`. */
  down(): Promise<void>;
  /** Starts it again after `down`; resolves when it answers. */
  up(): Promise<void>;
  /** SIGSTOPs every process of it: connections stay open and nobody answers. */
  pause(): void;
  resume(): void;
}

/** Tells a person which choice was made. */
export type Say = (line: string) => void;

export const sayOnConsole: Say = (line) => console.log(line);

/**
 * A name that no other test, run or person uses: for pipelines, queues, key prefixes and schemas. A server named in the
 * environment may hold other people's data, so tests touch only what they named in this way.
 */
export const uniqueName = (what: string): string => `${what}_${randomBytes(5).toString('hex')}`;
