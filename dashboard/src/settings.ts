import { dirname } from 'node:path';
import {
  ENVIRONMENT,
  FatalError,
  type Reading,
  readingOf,
  readToken,
  redactUrl,
  type ServiceEnvironment,
  variable,
} from '@tributary/shared';
import { type Role, type TokenSettings, Tokens } from './access/roles.js';
import { readTrustProxy, type TrustProxy } from './access/trust-proxy.js';
import type { ServiceUrls } from './flow/observer.js';
import { sqlRoleOf } from './sql/access.js';

/** The settings that only the dashboard has, as the environment gives them; for `main.ts` and for `npm start`. */
export interface DashboardSettings {
  readonly tokens?: TokenSettings | undefined;
  /** Who may read without a token: unless given, this machine alone, and no one where a viewer's token is set. */
  readonly reading?: Reading | undefined;
  /** The token with which programs read, and with which the dashboard asks the other services. */
  readonly readToken?: string | undefined;
  /** The token that producers take commands with. */
  readonly producerToken?: string | undefined;
  /** Whose word on the address of a client is taken; no one's unless given. */
  readonly trustProxy?: TrustProxy | undefined;
  /** Who may ask in SQL; `viewer` unless given. */
  readonly sqlRole?: Role | 'off' | undefined;
  /** The Postgres of the sink, as a role that may read the datasets and nothing else. */
  readonly sqlUrl?: string | undefined;
  /** The file in which everything that is done here is written down. */
  readonly auditLog?: string | undefined;
  /** The folder in which runs and charts are kept over a restart; nowhere unless given. */
  readonly keepIn?: string | undefined;
}

/** @throws FatalError for a setting that cannot be used */
export function readDashboardSettings(env: ServiceEnvironment): DashboardSettings {
  const { DASHBOARD_VIEWER_TOKEN, DASHBOARD_OPERATOR_TOKEN, DASHBOARD_ADMIN_TOKEN, AUDIT_LOG } = env;
  const producerToken = readToken(env, 'ADMIN_TOKEN');
  const lesser = new Tokens({ viewer: DASHBOARD_VIEWER_TOKEN, operator: DASHBOARD_OPERATOR_TOKEN });
  const holder = producerToken === undefined ? undefined : lesser.personOf(producerToken);
  if (holder !== undefined) {
    const remedy = 'give the producer a token of its own: with it, endpoints are reset and records are sent';
    throw new FatalError('token_twice', `ADMIN_TOKEN is the token of ${holder.name} (${holder.role}); ${remedy}`);
  }
  return {
    tokens: { viewer: DASHBOARD_VIEWER_TOKEN, operator: DASHBOARD_OPERATOR_TOKEN, admin: DASHBOARD_ADMIN_TOKEN },
    reading: readingOf(env.DASHBOARD_READ, env.PUBLISHED_ON || env.HOST, DASHBOARD_VIEWER_TOKEN),
    readToken: readToken(env, 'READ_TOKEN'),
    producerToken,
    trustProxy: readTrustProxy(env.TRUST_PROXY),
    auditLog: AUDIT_LOG || undefined,
    keepIn: dirname(variable(env, 'AUDIT_LOG')),
    sqlRole: sqlRoleOf(env.DASHBOARD_SQL),
    sqlUrl: env.DASHBOARD_SQL_URL || undefined,
  };
}

/**
 * Where the services answer: their usual ports on this machine unless the environment says otherwise.
 * @throws FatalError for a setting that is not a URL
 */
export function readServiceUrls(env: ServiceEnvironment): ServiceUrls {
  const list = (name: 'PRODUCER_URL' | 'CONSUMER_URL') => {
    const urls = variable(env, name)
      .split(',')
      .map((url) => url.trim());
    const wrong = urls.find((url) => !/^https?:\/\//.test(url) || !URL.canParse(url));
    if (wrong === undefined) return urls;
    throw new FatalError(
      'settings_invalid',
      `${name} holds ${redactUrl(wrong)}: expected something like ${ENVIRONMENT[name].usual}`,
    );
  };
  return {
    producers: list('PRODUCER_URL'),
    consumers: list('CONSUMER_URL'),
  };
}
