import type { Clock } from '@tributary/shared';
import type { Express, Response } from 'express';
import type { DrawnFaults, FaultSettings, Faults } from './faults.js';
import type { Outage } from './outage.js';

const NONE: DrawnFaults = {
  latency: 0,
  status: undefined,
  damage: undefined,
  moving: false,
  duplicated: false,
  shuffled: false,
};

/** The faults of the request that this response answers. */
export const faultsOf = (response: Response): DrawnFaults =>
  (response.locals.faults as DrawnFaults | undefined) ?? NONE;

/** Applies faults and outages to the requests of clients. Requests of tests and audits (/admin) are never affected. */
export function injectFaults(app: Express, paths: readonly string[], faults: Faults, outage: Outage, clock: Clock) {
  for (const path of paths) {
    app.use(path, async (_request, response, next) => {
      const now = clock.now() + faults.settings.clockSkew;
      response.set('Date', new Date(now).toUTCString());
      const left = outage.secondsLeft();
      if (left > 0) {
        response.set('Retry-After', String(left)).status(503).json(answer('outage', 'the CRM is down'));
        return;
      }
      const drawn = faults.draw();
      if (drawn.latency > 0) await clock.sleep(drawn.latency);
      if (drawn.status === undefined) {
        response.locals.faults = drawn;
        return next();
      }
      const after = retryAfter(drawn.status, faults.settings, now);
      if (after !== undefined) response.set('Retry-After', after);
      response
        .status(drawn.status)
        .json(answer('fault', 'the mock CRM is set to answer some requests with this status'));
    });
  }
}

const answer = (code: string, message: string) => ({ error: { code, message } });

/** Retry-After as it is set, for the statuses that have one (RFC 9110, section 10.2.3). */
function retryAfter(
  status: number,
  { retryAfter: seconds, retryAfterAsDate }: Pick<FaultSettings, 'retryAfter' | 'retryAfterAsDate'>,
  now: number,
): string | undefined {
  if (seconds === undefined || (status !== 429 && status !== 503)) return undefined;
  return retryAfterAsDate ? new Date(now + seconds * 1_000).toUTCString() : String(seconds);
}
