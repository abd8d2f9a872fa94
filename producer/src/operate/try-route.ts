import {
  authOf,
  type Clock,
  concealedIn,
  describeError,
  hasBody,
  interruptible,
  keepsToken,
  type PipelineConfig,
  type ServiceRoute,
  withoutValues,
} from '@tributary/shared';
import type { ProtectionKeys } from '../shape/protect/keys.js';
import type { Proxies } from '../sources/rest/proxies.js';
import { tryEndpoint } from './try.js';

export interface TryRouteOptions {
  readonly config: PipelineConfig;
  readonly clock: Clock;
  readonly proxies: Proxies;
  readonly redisUrl: string;
  readonly secret: string | undefined;
  /** What protections of fields need. */
  readonly keys?: ProtectionKeys | undefined;
}

const MOST_RECORDS = 20;
/** Milliseconds that whoever asks waits. */
const LONGEST = 60_000;
/** Characters of what is told. */
const LONGEST_TEXT = 200_000;

/**
 * `POST /endpoints/:id/try?limit=5`: polls an endpoint of the configuration that runs, and tells what came. Nothing is published, and no cursor is
 * moved. A producer does it, since it alone has the credentials, the proxies and the way to the APIs; it asks nothing that it does not ask in a poll. One
 * at a time.
 */
export function tryRoute({ config, clock, proxies, redisUrl, secret, keys }: TryRouteOptions): ServiceRoute {
  let isBusy = false;
  return {
    method: 'post',
    path: '/endpoints/:id/try',
    role: 'admin',
    async handle(request, response) {
      const id = String(request.params.id);
      const endpoint = Object.hasOwn(config.endpoints, id) ? config.endpoints[id] : undefined;
      const limit = Number(request.query.limit ?? 5);
      if (endpoint === undefined)
        return response.status(404).json({ error: `there is no endpoint "${id.slice(0, 80)}"` });
      if (hasBody(request) || !Number.isInteger(limit) || limit < 1 || limit > MOST_RECORDS)
        return response
          .status(400)
          .json({ error: `limit is a whole number from 1 to ${MOST_RECORDS}, and there is no body` });
      if (keepsToken(authOf(endpoint)) && secret === undefined)
        return response
          .status(400)
          .json({ error: 'a try would use up its refresh token, and without TRIBUTARY_SECRET nobody keeps the next' });
      if (isBusy) return response.status(503).json({ error: 'another endpoint is being tried; try again in a minute' });
      isBusy = true;
      let text = '';
      const write = (more: string) => {
        if (text.length < LONGEST_TEXT) text += more.slice(0, LONGEST_TEXT - text.length);
      };
      const kept = secret === undefined ? undefined : { redisUrl, secret };
      const trying = tryEndpoint({ config, id, limit, pages: 1, clock, proxies, kept, keys, write }).finally(() => {
        isBusy = false;
      });
      const tell = (told: string) => withoutValues(told, concealedIn(endpoint));
      try {
        const { bad } = await interruptible(trying, AbortSignal.timeout(LONGEST));
        response.json({ text: tell(text), bad, error: null });
      } catch (error) {
        trying.catch(() => {});
        const isLate = (error as Error).name === 'TimeoutError';
        const why = isLate ? `it has not ended within ${LONGEST / 1_000} s` : describeError(error);
        response.json({ text: tell(text), bad: 0, error: tell(why) });
      }
    },
  };
}
