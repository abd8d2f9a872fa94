import { z } from 'zod';
import { ApiError } from '../http/api-error.js';
import { type Operation, operation } from '../http/operation.js';
import { SESSION_COOKIE, sessionId } from './guard.js';
import { ROLES } from './roles.js';

const session = z.strictObject({
  name: z.string().nullable(),
  role: z.enum(ROLES).nullable(),
  signedIn: z.boolean(),
  mayRead: z.boolean(),
  /** Whether there is a token that would allow more than is allowed without one. */
  canSignIn: z.boolean(),
});

/** Signing in and out. A token is sent once, for a cookie that scripts cannot read and other sites cannot send. */
export const accessOperations: readonly Operation[] = [
  operation({
    method: 'get',
    path: '/session',
    summary: 'Who asks, and what they may',
    role: 'open',
    answer: session,
    handler({ request }, { guard }) {
      const person = guard.personOf(request);
      return {
        name: person?.name ?? null,
        role: person?.role ?? null,
        signedIn: guard.sessions.find(sessionId(request)) !== undefined,
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
    // Enough for a person who mistypes, and too few to guess a token.
    rate: { burst: 10, perSecond: 0.2 },
    body: { schema: z.strictObject({ token: z.string().max(500) }), limit: 2 * 1024 },
    answer: session,
    handler({ body, request, response }, { guard }) {
      const person = guard.tokens.personOf(body.token.trim());
      if (person === undefined) throw new ApiError(401, 'token_unknown', 'this token is not known');
      response.cookie(SESSION_COOKIE, guard.sessions.begin(person), {
        httpOnly: true,
        sameSite: 'strict',
        path: '/',
        secure: request.get('x-forwarded-proto') === 'https' || request.secure,
      });
      return { ...person, signedIn: true, mayRead: true, canSignIn: true };
    },
  }),
  operation({
    method: 'delete',
    path: '/session',
    summary: 'Sign out',
    role: 'open',
    answer: 'none',
    status: 204,
    handler({ request, response }, { guard }) {
      guard.sessions.end(sessionId(request));
      response.clearCookie(SESSION_COOKIE, { path: '/' });
    },
  }),
];
