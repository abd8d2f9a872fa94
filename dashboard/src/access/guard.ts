import type { Request, RequestHandler } from 'express';
import type { Actor } from '../audit/audit.js';
import { ApiError } from '../http/api-error.js';
import { mayAct, type Person, type Role, type Tokens } from './roles.js';
import type { Sessions } from './sessions.js';

/**
 * Who may read without a token. `local`: a client that names this machine in the Host header; a page of another site that
 * points its own name at 127.0.0.1 (DNS rebinding) does not. `open`: every client that can reach the port. `token`: none.
 */
export const READING = ['local', 'open', 'token'] as const;
export type Reading = (typeof READING)[number];

export interface AccessOptions {
  readonly tokens: Tokens;
  readonly sessions: Sessions;
  readonly reading: Reading;
}

export const SESSION_COOKIE = 'tributary_session';

/** A person who has shown no token, where reading is open. */
const ANYBODY: Person = { name: 'anybody', role: 'viewer' };

/** Tells who asks, and refuses what they may not do. */
export class Guard {
  readonly tokens: Tokens;
  readonly sessions: Sessions;
  readonly reading: Reading;

  constructor({ tokens, sessions, reading }: AccessOptions) {
    this.tokens = tokens;
    this.sessions = sessions;
    this.reading = reading;
  }

  /** @returns undefined for a person who has shown no token, where that is needed for reading */
  personOf(request: Request): Person | undefined {
    const { tokens, sessions, reading } = this;
    const bearer = /^Bearer (.+)$/i.exec(request.get('authorization') ?? '')?.[1];
    if (bearer !== undefined) return tokens.personOf(bearer);
    const person = sessions.find(sessionId(request));
    if (person !== undefined) return person;
    const open = reading === 'open' || (reading === 'local' && isLoopback(request.hostname ?? ''));
    return open ? ANYBODY : undefined;
  }

  /** The person who asks, as the audit log names them. */
  actorOf(request: Request): Actor {
    const { name, role } = this.personOf(request) ?? ANYBODY;
    return { name, role, from: request.socket.remoteAddress ?? '' };
  }

  /** Lets a request pass whose person has the role. */
  needs(role: Role): RequestHandler {
    return (request, _response, next) => {
      const person = this.personOf(request);
      if (person !== undefined && mayAct(person.role, role)) return next();
      throw this.#refusal(person, role);
    };
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

/**
 * Refuses what another site makes a browser send. A session's cookie is SameSite=Strict, and bodies must be JSON, which no
 * form can send; this check also covers old browsers, and other hosts of the same site.
 */
export const sameOriginOnly: RequestHandler = (request, _response, next) => {
  if (request.method === 'GET' || request.method === 'HEAD') return next();
  const site = request.get('sec-fetch-site');
  const origin = request.get('origin');
  const own = origin === undefined || hostOf(origin) === request.get('host');
  if ((site !== undefined && site !== 'same-origin' && site !== 'none') || !own) {
    throw new ApiError(403, 'other_origin', 'another site asked for this, so it is not done');
  }
  if (request.get('content-length') !== '0' && request.is('application/json') === false) {
    throw new ApiError(415, 'not_json', 'send the body as application/json');
  }
  next();
};

export function sessionId(request: Request): string {
  const cookies = (request.get('cookie') ?? '').split(';').map((cookie) => cookie.trim());
  return cookies.find((cookie) => cookie.startsWith(`${SESSION_COOKIE}=`))?.slice(SESSION_COOKIE.length + 1) ?? '';
}

const hostOf = (origin: string): string => (URL.canParse(origin) ? new URL(origin).host : '');

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '[::1]' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
