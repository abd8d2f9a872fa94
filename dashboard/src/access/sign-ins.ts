import { Buckets, type Clock, isStrong, type Logger, TOO_MANY_WRONG, WRONG_TOKENS } from '@tributary/shared';
import { tooMany } from '../http/api-error.js';
import type { Person, Tokens } from './roles.js';

/** How a token came: for a session, or with a request of a program. */
export type Way = 'session' | 'bearer';

/** Programs that are remembered, so that each of their requests is not told of as a sign-in. */
const MOST_KNOWN = 1_000;
/** Milliseconds after which a program is told of again. */
const AGAIN = 12 * 3_600_000;

/**
 * Takes tokens, and tells the log who signed in from where, and who could not; never the token. An address that has shown
 * too many wrong ones has only those taken for a while that nobody can guess: else the answers would still tell a guesser the right one.
 */
export class SignIns {
  readonly #tokens: Tokens;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #wrong: Buckets;
  /** When each person was last told of, by name, role and address. */
  readonly #known = new Map<string, number>();

  constructor(tokens: Tokens, clock: Clock, log: Logger) {
    this.#tokens = tokens;
    this.#clock = clock;
    this.#log = log;
    this.#wrong = new Buckets(WRONG_TOKENS, clock);
  }

  /**
   * @returns undefined for a token that is not known
   * @throws ApiError (429) for an address that has shown too many wrong ones, unless it is right and cannot be guessed
   */
  take(token: string, from: string, way: Way): Person | undefined {
    const person = this.#tokens.personOf(token);
    const wait = this.#wrong.wait(from);
    if (wait > 0 && (person === undefined || !isStrong(token))) {
      throw tooMany('too_many_sign_ins', TOO_MANY_WRONG, wait);
    }
    if (person !== undefined) {
      this.#tell(person, from, way);
      return person;
    }
    this.#wrong.take(from);
    const locked = this.#wrong.wait(from);
    const refused = locked > 0 ? `; none shorter than 22 characters is taken from this address for ${locked} s` : '';
    this.#log.warn({ from, way }, `a sign-in failed: the token is not known${refused}`);
    return undefined;
  }

  #tell({ name, role }: Person, from: string, way: Way): void {
    const key = JSON.stringify([name, role, from]);
    const now = this.#clock.monotonic();
    const before = this.#known.get(key) ?? Number.NEGATIVE_INFINITY;
    if (way === 'bearer' && now - before < AGAIN) return;
    this.#known.delete(key);
    this.#known.set(key, now);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MOST_KNOWN && oldest !== undefined) this.#known.delete(oldest);
    this.#log.info({ name, role, from, way }, 'signed in');
  }
}
