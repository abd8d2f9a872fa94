import { randomBytes } from 'node:crypto';
import type { Clock } from '@tributary/shared';
import type { Person } from './roles.js';

/** Milliseconds. A person who signed in in the morning stays signed in all day; a browser left open is signed out by the next. */
const LIFETIME = 12 * 3_600_000;
/** Milliseconds without a person at the page: a screen that was left is no longer theirs. */
const IDLE = 3_600_000;
/** Of one person the oldest session is forgotten beyond this many, so that signing in again and again does not fill the memory. */
const MOST = 100;

interface Session {
  readonly person: Person;
  /** By the clock that is never set. */
  readonly until: number;
  /** When the person last did something. */
  seen: number;
  readonly ended: AbortController;
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
    const own = [...this.#sessions].filter(
      ([, { person: other }]) => other.name === person.name && other.role === person.role,
    );
    const [oldest] = own;
    if (own.length >= MOST && oldest !== undefined) this.end(oldest[0]);
    const id = randomBytes(32).toString('base64url');
    const now = this.#clock.monotonic();
    this.#sessions.set(id, { person, until: now + LIFETIME, seen: now, ended: new AbortController() });
    return id;
  }

  /**
   * @param byPerson whether a person does something, which keeps the session alive; a page that looks again by itself does not
   */
  find(id: string, byPerson = false): Person | undefined {
    const session = this.#sessions.get(id);
    if (session === undefined) return undefined;
    const now = this.#clock.monotonic();
    if (now >= session.until || now >= session.seen + IDLE) {
      this.end(id);
      return undefined;
    }
    if (byPerson) session.seen = now;
    return session.person;
  }

  /** Aborts when the session ends; undefined for one that is not there. */
  ended(id: string): AbortSignal | undefined {
    return this.#sessions.get(id)?.ended.signal;
  }

  end(id: string): void {
    const session = this.#sessions.get(id);
    this.#sessions.delete(id);
    session?.ended.abort();
  }
}
