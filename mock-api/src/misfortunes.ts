import type { Clock } from '@tributary/shared';
import type { Express, Response } from 'express';
import type { Faults, Misfortune } from './faults.js';
import type { Outage } from './scenarios.js';
import { retryAfter } from './send.js';

const HONEST: Misfortune = {
  ...{ latency: 0, status: undefined, spoil: undefined },
  ...{ moving: false, duplicated: false, shuffled: false },
};

/** What happens to the request that this response answers. */
export const misfortuneOf = (response: Response): Misfortune =>
  (response.locals.misfortune as Misfortune | undefined) ?? HONEST;

/** Lets faults and outages befall the requests of clients; those of tests and audits (/admin) go through unhurt. */
export function addMisfortunes(
  app: Express,
  paths: readonly string[],
  faults: Faults,
  outage: Outage,
  clock: Clock,
): void {
  for (const path of paths) {
    app.use(path, async (_request, response, next) => {
      const now = clock.now() + faults.settings.clockSkew;
      response.set('Date', new Date(now).toUTCString());
      const left = outage.secondsLeft();
      if (left > 0) {
        response.set('Retry-After', String(left)).status(503).json(answer('outage', 'the CRM is down'));
        return;
      }
      const misfortune = faults.draw();
      if (misfortune.latency > 0) await clock.sleep(misfortune.latency);
      if (misfortune.status === undefined) {
        response.locals.misfortune = misfortune;
        return next();
      }
      const after = retryAfter(misfortune, faults.settings, now);
      if (after !== undefined) response.set('Retry-After', after);
      response.status(misfortune.status).json(answer('misfortune', 'it was told to answer so'));
    });
  }
}

const answer = (code: string, message: string) => ({ error: { code, message } });
