import { ASKING } from '../access/rate-limit.js';
import { nothingHere } from './api-error.js';
import { tellAlive, tellMetrics, tellReadiness } from './health.js';
import { OPERATIONS } from './operations.js';
import { sendPageFile } from './page-files.js';
import type { Route } from './route.js';

/** What is asked for without effect, also by a link of another site. */
const PLAIN = {
  method: 'get',
  origin: 'any',
  body: 'none',
  rate: ASKING,
  load: 'light',
  check: () => {},
} as const;

/**
 * Every route of the dashboard. The server is made of this table and of nothing else: a route that is not in here does not
 * exist, and one without role, origin, body, rate and load does not compile.
 */
export const ROUTES: readonly Route[] = [
  { ...PLAIN, path: '/healthz', role: 'open', handle: tellAlive },
  { ...PLAIN, path: '/readyz', role: 'open', handle: tellReadiness },
  { ...PLAIN, path: '/metrics', role: 'scraper', handle: tellMetrics },
  ...OPERATIONS.map(({ method, path, role, body, rate, load, check, handle }): Route => {
    return { method, path: `/api${path}`, role, origin: 'own', body, rate, load, check, handle };
  }),
  // A person who may not read is not told which paths exist.
  ...(['get', 'post', 'delete'] as const).map((method): Route => {
    return { ...PLAIN, method, path: '/api/{*other}', role: 'viewer', origin: 'own', handle: nothingHere };
  }),
  { ...PLAIN, path: '/{*file}', role: 'open', handle: sendPageFile },
];
