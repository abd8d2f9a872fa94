import type { Clock } from '@tributary/shared';
import { json, Router } from 'express';
import { z } from 'zod';
import { readBody } from '../data/query.js';
import { ApiError } from '../http/api-error.js';
import { type AccessOptions, type Guard, SESSION_COOKIE, sessionId } from './guard.js';
import { rateLimit } from './rate-limit.js';

const signIn = z.strictObject({ token: z.string().max(500) });

/** Signing in and out. A token is shown once, for a cookie that scripts cannot read and other sites cannot send. */
export function sessionRoutes({ tokens, sessions, reading }: AccessOptions, guard: Guard, clock: Clock): Router {
  const routes = Router();

  routes.get('/session', (request, response) => {
    const person = guard.personOf(request);
    response.json({
      name: person?.name ?? null,
      role: person?.role ?? null,
      signedIn: sessions.find(sessionId(request)) !== undefined,
      mayRead: person !== undefined,
      /** Whether there is a token to sign in with that allows to act. */
      canSignIn: tokens.someoneMay(reading === 'token' ? 'viewer' : 'operator'),
    });
  });

  routes.post(
    '/session',
    rateLimit({ burst: 10, perSecond: 0.2, clock }),
    json({ limit: '2kb' }),
    (request, response) => {
      const { token } = readBody(signIn, request.body);
      const person = tokens.personOf(token.trim());
      if (person === undefined) throw new ApiError(401, 'token_unknown', 'nobody has this token');
      response.cookie(SESSION_COOKIE, sessions.begin(person), {
        ...{ httpOnly: true, sameSite: 'strict', path: '/' },
        secure: request.get('x-forwarded-proto') === 'https' || request.secure,
      });
      response.json({ ...person, signedIn: true, mayRead: true, canSignIn: true });
    },
  );

  routes.delete('/session', (request, response) => {
    sessions.end(sessionId(request));
    response.clearCookie(SESSION_COOKIE, { path: '/' }).status(204).end();
  });

  return routes;
}
