import type { Request, RequestHandler } from 'express';
import { ApiError } from '../http/api-error.js';
import { mayAct, type Person, type Role, type Tokens } from './roles.js';
import type { Sessions } from './sessions.js';

/**
 * Who may read without a token. `local`: whoever asks this machine by a name of its own; a page elsewhere that points its
 * own name at 127.0.0.1 (DNS rebinding) is not that. `open`: everybody who can reach the port. `token`: nobody.
 */
export const READING = ['local', 'open', 'token'] as const;
export type Reading = (typeof READING)[number];

export interface AccessOptions {
  readonly tokens: Tokens;
  readonly sessions: Sessions;
  readonly reading: Reading;
}

export const SESSION_COOKIE = 'tributary_session';

const ANYBODY: Person = { name: 'anybody', role: 'viewer' };

/** Tells who asks, and stops who may not. */
export class Guard {
  constructor(private readonly options: AccessOptions) {}

  /** Whoever asks: by `Authorization: Bearer`, by session, or anybody where reading is open. */
  personOf(request: Request): Person | undefined {
    const { tokens, sessions, reading } = this.options;
    const bearer = /^Bearer (.+)$/i.exec(request.get('authorization') ?? '')?.[1];
    if (bearer !== undefined) return tokens.personOf(bearer);
    const person = sessions.find(sessionId(request));
    if (person !== undefined) return person;
    const open = reading === 'open' || (reading === 'local' && isLoopback(request.hostname ?? ''));
    return open ? ANYBODY : undefined;
  }

  /** Lets pass who has the role; nobody acts as "anybody". */
  needs(role: Role): RequestHandler {
    return (request, _response, next) => {
      const person = this.personOf(request);
      if (person !== undefined && mayAct(person.role, role)) return next();
      throw this.#refusal(person, role);
    };
  }

  #refusal(person: Person | undefined, role: Role): ApiError {
    if (!this.options.tokens.someoneMay(role)) {
      const remedy =
        role === 'viewer'
          ? 'set DASHBOARD_VIEWER_TOKEN, or DASHBOARD_READ=open if everybody who can reach this port may read'
          : `set DASHBOARD_${role.toUpperCase()}_TOKEN and start the dashboard again`;
      return new ApiError(403, 'no_token_set', `this needs the role ${role}, and nobody has it: ${remedy}`);
    }
    if (person === undefined || person === ANYBODY) {
      return new ApiError(401, 'sign_in', `this needs the role ${role}: sign in with a token`);
    }
    const message = `this needs the role ${role}, and ${person.name} is a ${person.role}`;
    return new ApiError(403, 'role_too_low', message);
  }
}

/**
 * Refuses what another site makes a browser send. A session's cookie is SameSite=Strict and bodies must be JSON, which no
 * form can send; this holds too where a browser is old or a neighbour shares the site.
 */
export const sameOriginOnly: RequestHandler = (request, _response, next) => {
  if (request.method === 'GET' || request.method === 'HEAD') return next();
  const site = request.get('sec-fetch-site');
  const origin = request.get('origin');
  const own = origin === undefined || hostOf(origin) === request.get('host');
  if ((site !== undefined && site !== 'same-origin' && site !== 'none') || !own) {
    throw new ApiError(403, 'other_origin', 'this was asked for by another site, and is not done');
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
