import { randomBytes } from 'node:crypto';
import type { Clock } from '@tributary/shared';
import type { Person } from './roles.js';

/** Milliseconds. A person who signed in in the morning stays signed in all day; a browser left open is signed out by the next. */
const LIFETIME = 12 * 3_600_000;
/** The oldest session is forgotten beyond this many, so that signing in again and again does not fill the memory. */
const MOST = 1_000;

interface Session {
  readonly person: Person;
  /** By the clock that is never set. */
  readonly until: number;
}

/** Who is signed in, in this process's memory: a restart ends all sessions, and none is ever stored. */
export class Sessions {
  readonly #clock: Clock;
  readonly #sessions = new Map<string, Session>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @returns the session's id, which is a secret */
  begin(person: Person): string {
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size >= MOST && oldest !== undefined) this.#sessions.delete(oldest);
    const id = randomBytes(32).toString('base64url');
    this.#sessions.set(id, { person, until: this.#clock.monotonic() + LIFETIME });
    return id;
  }

  find(id: string): Person | undefined {
    const session = this.#sessions.get(id);
    if (session === undefined || session.until > this.#clock.monotonic()) return session?.person;
    this.#sessions.delete(id);
    return undefined;
  }

  end(id: string): void {
    this.#sessions.delete(id);
  }
}
