import { FatalError, RetryableError } from '@tributary/shared';
import type { FilePlace, Listing } from './places/place.js';

/** A folder of broken files must not fill the memory with what was told. */
const MOST_TOLD = 10_000;

export interface TellingOptions {
  readonly endpoint: string;
  readonly place: FilePlace;
  onDoubt(doubt: string): void;
}

/** What an endpoint that reads files tells a person: each thing once, since it may hold of every run; and with its place. */
export class Telling {
  readonly #options: TellingOptions;
  readonly #told = new Set<string>();

  constructor(options: TellingOptions) {
    this.#options = options;
  }

  /** For people: `drop: the file a.csv of /data/drop`. */
  where(name: string): string {
    return `${this.#options.endpoint}: the file ${name} of ${this.#options.place.shown}`;
  }

  /** What is told once, however often it is found. */
  doubt(doubt: string): void {
    if (this.#told.has(doubt) || this.#told.size > MOST_TOLD) return;
    this.#told.add(doubt);
    this.#options.onDoubt(doubt);
  }

  /** What happened to a file just now, which may happen again. */
  news(name: string, news: string): void {
    this.#options.onDoubt(`${this.where(name)}: ${news}`);
  }

  /** @throws as {@link FilePlace.list}, with the name of the endpoint */
  async list(place: FilePlace, signal: AbortSignal): Promise<Listing> {
    try {
      return await place.list(signal);
    } catch (error) {
      throw signal.aborted ? error : this.#named(error);
    }
  }

  #named(cause: unknown): unknown {
    if (!(cause instanceof RetryableError || cause instanceof FatalError)) return cause;
    const message = `${this.#options.endpoint}: ${cause.message}`;
    return cause instanceof FatalError ? new FatalError(cause.code, message) : new RetryableError(cause.code, message);
  }
}
