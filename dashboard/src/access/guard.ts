import { bearerOf, type Clock, type Logger, networkOf, type Reading } from '@tributary/shared';
import type { Request, RequestHandler } from 'express';
import type { Actor } from '../audit/audit.js';
import { ApiError } from '../http/api-error.js';
import { addressOf, isLocal, isSecure } from './origin.js';
import { mayAct, type Person, type Role, type Tokens } from './roles.js';
import { Sessions } from './sessions.js';
import { SignIns } from './sign-ins.js';

/**
 * Who may ask for a route. `open`: every client; `scraper`: as viewer, and where reading is open on this machine also a program
 * that names it by address or by a name without dots, as Prometheus does in a network of containers.
 */
export type RouteRole = Role | 'open' | 'scraper';

export interface AccessOptions {
  readonly tokens: Tokens;
  readonly reading: Reading;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Under TLS the browser itself sees to it that no other host of the site has set it (`__Host-`). */
const COOKIE = 'tributary_session';
const SECURE_COOKIE = `__Host-${COOKIE}`;
/** Sent by the page when it looks again by itself, and no person has touched it for a while. */
const UNATTENDED = 'tributary-unattended';

/** A person who has shown no token, where reading is open. */
const ANYBODY: Person = { name: 'anybody', role: 'viewer' };

/** Who asks, and how they showed it. */
export interface Identity {
  /** Undefined for a person who has shown no token, where that is needed for reading. */
  readonly person: Person | undefined;
  /** Aborts when the session ends with which they asked. */
  readonly ended: AbortSignal | undefined;
  /** The same for all requests of one person, or, where none has shown a token, of one address: what is bounded is bounded by it. */
  readonly share: string;
  /** Whether what they showed still counts: a session may have ended since. */
  isThere(): boolean;
}

const ALWAYS = () => true;

/** Tells who asks, and refuses what they may not do. */
export class Guard {
  readonly tokens: Tokens;
  readonly sessions: Sessions;
  readonly signIns: SignIns;
  readonly reading: Reading;
  readonly #log: Logger;
  /** A request is judged once: a wrong token counts once. */
  readonly #judged = new WeakMap<Request, Identity>();

  constructor({ tokens, reading, clock, log }: AccessOptions) {
    this.tokens = tokens;
    this.sessions = new Sessions(clock);
    this.signIns = new SignIns(tokens, clock, log);
    this.reading = reading;
    this.#log = log;
  }

  /** @throws ApiError (429) for a token from an address that has shown too many wrong ones */
  identify(request: Request): Identity {
    const known = this.#judged.get(request) ?? this.#judge(request);
    this.#judged.set(request, known);
    return known;
  }

  personOf(request: Request): Person | undefined {
    return this.identify(request).person;
  }

  /** The person who asks, as the audit log names them. */
  actorOf(request: Request): Actor {
    const { name, role } = this.personOf(request) ?? ANYBODY;
    return { name, role, from: addressOf(request) };
  }

  /** Why the request is refused to the person who asks; undefined if it is not. */
  refusalOf(request: Request, role: RouteRole): ApiError | undefined {
    if (role === 'open') return undefined;
    const person = this.personOf(request);
    const needed = role === 'scraper' ? 'viewer' : role;
    if (person !== undefined && mayAct(person.role, needed)) return undefined;
    const isNear = role === 'scraper' && this.reading === 'local' && isLocal(request, true);
    // A program whose token is wrong is told so.
    if (isNear && bearerOf(request.get('authorization')) === undefined) return undefined;
    return this.#refusal(person, needed);
  }

  /** Lets a request pass whose person has the role. */
  needs(role: RouteRole): RequestHandler {
    return (request, _response, next) => {
      const refusal = this.refusalOf(request, role);
      if (refusal !== undefined) throw refusal;
      next();
    };
  }

  /** The session that a request shows; '' for none. */
  sessionOf(request: Request): string {
    return sessionIds(request).find((id) => this.sessions.find(id) !== undefined) ?? '';
  }

  /** Ends the session of a request, and all that it still receives. */
  signOut(request: Request): void {
    const id = this.sessionOf(request);
    const person = this.sessions.find(id);
    this.sessions.end(id);
    if (person !== undefined) this.#log.info({ ...person, from: addressOf(request) }, 'signed out');
  }

  #judge(request: Request): Identity {
    const from = addressOf(request);
    const bearer = bearerOf(request.get('authorization'));
    if (bearer !== undefined) {
      const person = this.signIns.take(bearer, from, 'bearer');
      return { person, ended: undefined, share: shareOf(person, from), isThere: ALWAYS };
    }
    const id = this.sessionOf(request);
    const person = this.sessions.find(id, isByPerson(request));
    if (person !== undefined) {
      const isThere = () => this.sessions.find(id) !== undefined;
      return { person, ended: this.sessions.ended(id), share: shareOf(person, from), isThere };
    }
    const open = this.reading === 'open' || (this.reading === 'local' && isLocal(request));
    return { person: open ? ANYBODY : undefined, ended: undefined, share: shareOf(undefined, from), isThere: ALWAYS };
  }

  #refusal(person: Person | undefined, role: Role): ApiError {
    if (!this.tokens.someoneMay(role)) {
      const remedy =
        role === 'viewer'
          ? 'set DASHBOARD_VIEWER_TOKEN, or DASHBOARD_READ=open if every client that can reach this port may read'
          : `set DASHBOARD_${role.toUpperCase()}_TOKEN and start the dashboard again`;
      return new ApiError(403, 'no_token_set', `this needs the role ${role}, and no token has it: ${remedy}`);
    }
    if (person === undefined || person === ANYBODY) {
      return new ApiError(401, 'sign_in', `this needs the role ${role}: sign in with a token`);
    }
    const message = `this needs the role ${role}, and ${person.name} is a ${person.role}`;
    return new ApiError(403, 'role_too_low', message);
  }
}

/** A browser opens a broken stream again by itself, and adds no header to it: where a proxy cuts streams, a page that was left would stay signed in. */
const isByPerson = (request: Request): boolean =>
  request.get(UNATTENDED) === undefined && !(request.get('accept') ?? '').includes('text/event-stream');

const shareOf = (person: Person | undefined, from: string): string =>
  person === undefined ? `address ${networkOf(from)}` : `person ${person.role} ${person.name}`;

export const cookieName = (request: Request): string => (isSecure(request) ? SECURE_COOKIE : COOKIE);
export const SESSION_COOKIES: readonly string[] = [COOKIE, SECURE_COOKIE];

/**
 * All that the cookie may be. Cookies know no ports: another server on this host can set one of the same name for a longer path, which
 * browsers send first, and would sign everybody out if only the first counted.
 */
function sessionIds(request: Request): string[] {
  const name = cookieName(request);
  const cookies = (request.get('cookie') ?? '').split(';').map((cookie) => cookie.trim());
  return cookies.filter((cookie) => cookie.startsWith(`${name}=`)).map((cookie) => cookie.slice(name.length + 1));
}
