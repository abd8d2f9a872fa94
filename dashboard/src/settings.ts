import { FatalError, redactUrl } from '@tributary/shared';
import { isLoopback, READING, type Reading } from './access/guard.js';
import type { ServiceUrls } from './flow/observer.js';
import type { DashboardOptions } from './service.js';

export const DEFAULT_AUDIT_LOG = './audit/actions.jsonl';

/** The settings of the dashboard alone, as the environment has them; for `main.ts` and for embedded mode. */
export type DashboardSettings = Pick<DashboardOptions, 'tokens' | 'reading' | 'auditLog'>;

/** @throws FatalError for one that cannot be used */
export function readDashboardSettings(env: Readonly<Record<string, string | undefined>>): DashboardSettings {
  const { DASHBOARD_VIEWER_TOKEN, DASHBOARD_OPERATOR_TOKEN, DASHBOARD_ADMIN_TOKEN, AUDIT_LOG } = env;
  return {
    tokens: { viewer: DASHBOARD_VIEWER_TOKEN, operator: DASHBOARD_OPERATOR_TOKEN, admin: DASHBOARD_ADMIN_TOKEN },
    reading: readingOf(env.DASHBOARD_READ, env.PUBLISHED_ON || env.HOST, DASHBOARD_VIEWER_TOKEN),
    auditLog: AUDIT_LOG || undefined,
  };
}

/**
 * Where the services answer: their usual ports on this machine unless the environment says otherwise.
 * @throws FatalError for something that is no URL
 */
export function readServiceUrls(env: Readonly<Record<string, string | undefined>>): ServiceUrls {
  const list = (name: string, usual: string) => {
    const urls = (env[name] || usual).split(',').map((url) => url.trim());
    const wrong = urls.find((url) => !/^https?:\/\//.test(url) || !URL.canParse(url));
    if (wrong === undefined) return urls;
    throw new FatalError('settings_invalid', `${name} holds ${redactUrl(wrong)}: expected something like ${usual}`);
  };
  return {
    producers: list('PRODUCER_URL', 'http://127.0.0.1:8081'),
    consumers: list('CONSUMER_URL', 'http://127.0.0.1:8082'),
  };
}

type Setting = string | undefined;

/**
 * @param publishedOn the address that we listen on, or in a container that of the host on which its port is published,
 *   which we cannot see from within. Anybody who reaches it can send any Host header, so `local` cannot be kept on one
 *   that others reach.
 */
function readingOf(text: Setting, publishedOn: Setting, viewer: Setting): Reading | undefined {
  const beyond = Boolean(publishedOn) && !isLoopback(publishedOn ?? '');
  if (!text && publishedOn) return beyond || viewer ? 'token' : 'local';
  if (!text) return undefined;
  const found = READING.find((reading) => reading === text);
  if (found !== undefined) return found === 'local' && beyond ? 'token' : found;
  throw new FatalError('settings_invalid', `DASHBOARD_READ is "${text}": expected ${READING.join(', ')}`);
}
