import { Redis, type RedisOptions } from 'ioredis';
import { FatalError } from '../errors.js';
import { decodeUserInfo, encodedUrl, redactUrl } from '../service/logging.js';

/** Where a Redis is. */
export interface RedisAddress {
  /** Fit for logs: without user, password and query. */
  readonly server: string;
  connect(options: RedisOptions): Redis;
}

const WANTS = 'expected redis://user:password@host:6379/0, rediss:// for TLS';
const WANTS_SENTINEL =
  'expected redis+sentinel://user:password@host1:26379,host2:26379/mymaster/0, rediss+sentinel:// for TLS, with ?sentinelPassword=... where the Sentinels have one';

const SENTINEL_PORT = 26_379;

/**
 * @param url `redis://`, `rediss://`, or `redis+sentinel://` with the Sentinels and the name of the master that they watch
 * @throws FatalError for another
 */
export function readRedisUrl(url: string): RedisAddress {
  if (/^rediss?\+sentinel:/i.test(url)) return readSentinels(url);
  // ioredis would take any other text for the path of a Unix socket.
  if (!URL.canParse(url) || !/^rediss?:$/.test(new URL(url).protocol)) {
    throw new FatalError(
      'redis_url_invalid',
      `REDIS_URL holds ${redactUrl(url)}: ${WANTS}, or ${WANTS_SENTINEL.slice(9)}`,
    );
  }
  return { server: redactUrl(url), connect: (options) => new Redis(encodedUrl(url), options) };
}

const SENTINELS = /^(rediss?)\+sentinel:\/\/(?:([^@/]*)@)?([^/?#]+)\/([^/?#]+)(?:\/([^?#]*))?(?:\?([^#]*))?$/i;

function readSentinels(url: string): RedisAddress {
  const [, protocol = '', user = '', hosts = '', name = '', db = '', query = ''] = SENTINELS.exec(url) ?? [];
  const sentinels = hosts.split(',').map((host) => sentinelAt(host.trim()));
  if (name === '' || sentinels.some((one) => one === undefined)) {
    const shown = url.replace(/\/\/[^@/]*@/, '//').replace(/\?.*/, '');
    throw new FatalError('redis_url_invalid', `REDIS_URL holds ${shown}: ${WANTS_SENTINEL}`);
  }
  const secure = protocol.toLowerCase() === 'rediss';
  const given = Object.fromEntries(new URLSearchParams(query));
  const colon = user.indexOf(':');
  const [username, password] = colon === -1 ? [user, ''] : [user.slice(0, colon), user.slice(colon + 1)];
  const address: RedisOptions = {
    sentinels: sentinels.filter((one) => one !== undefined),
    name: decodeUserInfo(name),
    ...credentials(username, password, given),
    ...(given.sentinelUsername ? { sentinelUsername: given.sentinelUsername } : {}),
    ...(given.sentinelPassword ? { sentinelPassword: given.sentinelPassword } : {}),
    db: databaseIn(db),
    // After a failover the Sentinels say so, and the connection need not wait for the silence of the old master.
    failoverDetector: true,
    ...(secure ? { tls: {}, sentinelTLS: {}, enableTLSForSentinelMode: true } : {}),
  };
  return {
    server: `${secure ? 'rediss' : 'redis'}+sentinel://${hosts}/${name}${db === '' ? '' : `/${db}`}`,
    connect: (options) => new Redis({ ...options, ...address }),
  };
}

function sentinelAt(text: string): { host: string; port: number } | undefined {
  const [, bracketed, plain, port = String(SENTINEL_PORT)] =
    /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d+))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  return host === undefined || Number(port) > 65_535 ? undefined : { host, port: Number(port) };
}

/** A password without a user is that of the default user. */
function credentials(username: string, password: string, query: Readonly<Record<string, string>>): RedisOptions {
  const user = decodeUserInfo(username) || query.username;
  const secret = decodeUserInfo(password) || query.password;
  return {
    ...(user && secret ? { username: user } : {}),
    ...(secret ? { password: secret } : {}),
  };
}

function databaseIn(text: string): number {
  if (text === '') return 0;
  if (/^\d+$/.test(text)) return Number(text);
  throw new FatalError('redis_url_invalid', `REDIS_URL names the database "${text}": ${WANTS_SENTINEL}`);
}
