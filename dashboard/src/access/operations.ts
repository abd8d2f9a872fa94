import type { Rate } from '@tributary/shared';
import type { CookieOptions, Request } from 'express';
import { z } from 'zod';
import { ApiError } from '../http/api-error.js';
import { type Operation, operation } from '../http/operation.js';
import { cookieName } from './guard.js';
import { addressOf, isSecure } from './origin.js';
import { ASKING } from './rate-limit.js';
import { ROLES } from './roles.js';

const session = z.strictObject({
  name: z.string().nullable(),
  role: z.enum(ROLES).nullable(),
  signedIn: z.boolean(),
  mayRead: z.boolean(),
  /** Whether there is a token that would allow more than is allowed without one. */
  canSignIn: z.boolean(),
});

/** Wrong tokens are counted where tokens are taken. A program that asks for sessions must not keep all others of its address out. */
const SIGNING_IN: Rate = { burst: 120, perSecond: 20 };

/** Signing in and out. A token is sent once, for a cookie that scripts cannot read and other sites cannot send. */
export const accessOperations: readonly Operation[] = [
  operation({
    method: 'get',
    path: '/session',
    summary: 'Who asks, and what they may',
    role: 'open',
    body: 'none',
    rate: ASKING,
    load: 'light',
    answer: session,
    handler({ request }, { guard }) {
      const person = guard.personOf(request);
      return {
        name: person?.name ?? null,
        role: person?.role ?? null,
        signedIn: guard.sessions.find(guard.sessionOf(request)) !== undefined,
        mayRead: person !== undefined,
        canSignIn: guard.tokens.someoneMay(guard.reading === 'token' ? 'viewer' : 'operator'),
      };
    },
  }),
  operation({
    method: 'post',
    path: '/session',
    summary: 'Sign in with a token',
    role: 'open',
    rate: SIGNING_IN,
    load: 'light',
    body: { schema: z.strictObject({ token: z.string().max(500) }), limit: 2 * 1024 },
    answer: session,
    handler({ body, request, response }, { guard }) {
      const person = guard.signIns.take(body.token.trim(), addressOf(request), 'session');
      if (person === undefined) throw new ApiError(401, 'token_unknown', 'this token is not known');
      // Nothing goes on under the session that the browser had.
      guard.sessions.end(guard.sessionOf(request));
      response.cookie(cookieName(request), guard.sessions.begin(person), cookieOptions(request));
      return { ...person, signedIn: true, mayRead: true, canSignIn: true };
    },
  }),
  operation({
    method: 'delete',
    path: '/session',
    summary: 'Sign out',
    role: 'open',
    body: 'none',
    rate: ASKING,
    load: 'light',
    answer: 'none',
    status: 204,
    handler({ request, response }, { guard }) {
      guard.signOut(request);
      response.clearCookie(cookieName(request), cookieOptions(request));
    },
  }),
];

/** Under TLS the name of the cookie begins with `__Host-`, which browsers take only with `secure` and this path, and without a domain. */
const cookieOptions = (request: Request): CookieOptions => ({
  httpOnly: true,
  sameSite: 'strict',
  path: '/',
  secure: isSecure(request),
});
