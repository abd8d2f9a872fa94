import { connectRedis, createLogger, encodedUrl } from '@tributary/shared';
import { describe, expect, it, onTestFinished } from 'vitest';

const partsOf = (url: string) => {
  const { username, password, host, pathname } = new URL(encodedUrl(url));
  return [decodeURIComponent(username), decodeURIComponent(password), host, decodeURIComponent(pathname)];
};

describe('a URL for a library that decodes it', () => {
  it.each([
    ['postgres://user:50%off@host:5432/db', ['user', '50%off', 'host:5432', '/db']],
    ['redis://:%zz@host', ['', '%zz', 'host', '']],
    ['socks5://us%er:p%40ss@host', ['us%er', 'p@ss', 'host', '']],
    ['amqp://user:a:b%@host/v%host', ['user', 'a:b%', 'host', '/v%host']],
    ['postgres://user:%FF@host/d%20b', ['user', '%FF', 'host', '/d b']],
    ['redis://user:p@ss@host/1', ['user', 'p@ss', 'host', '/1']],
    ['postgres://host/db', ['', '', 'host', '/db']],
  ])('means what is written in %s', (url, parts) => {
    expect(partsOf(url)).toEqual(parts);
  });

  it('connects to Redis with a password that is not encoded', () => {
    const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });
    const redis = connectRedis({ url: 'redis://user:50%off@127.0.0.1:1/3', connectionName: 'test', log });
    onTestFinished(() => redis.disconnect());
    expect(redis.options).toMatchObject({ username: 'user', password: '50%off', port: 1, db: 3 });
  });
});
