import { createLogger, openRedis } from '@tributary/shared';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readRedisUrl } from '../../src/redis/url.js';

const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });

/** What the client is set to by a URL. */
function optionsOf(url: string) {
  const { redis } = openRedis({ url, connectionName: 'test', log });
  onTestFinished(() => redis.disconnect());
  return redis.options;
}

describe('the URL of Redis', () => {
  it('names Sentinels and the master that they watch', () => {
    expect(optionsOf('redis+sentinel://127.0.0.1:1,127.0.0.1:2/mymaster/3?password=p%40ss')).toMatchObject({
      sentinels: [
        { host: '127.0.0.1', port: 1 },
        { host: '127.0.0.1', port: 2 },
      ],
      name: 'mymaster',
      db: 3,
      password: 'p@ss',
    });
  });

  it.each([
    ['redis+sentinel://user:se:cret@one/main', { username: 'user', password: 'se:cret', name: 'main', db: 0 }],
    ['redis+sentinel://:secret@[::1]:5,two/main/1', { password: 'secret', db: 1 }],
    [
      'redis+sentinel://one/main?sentinelUsername=s&sentinelPassword=t&username=u&password=v',
      { sentinelUsername: 's', sentinelPassword: 't', username: 'u', password: 'v' },
    ],
    ['rediss+sentinel://one/main', { tls: {}, enableTLSForSentinelMode: true }],
  ])('is read as written: %s', (url, expected) => {
    expect(optionsOf(url)).toMatchObject(expected);
  });

  it('is shown without secrets', () => {
    const { server } = readRedisUrl(
      'redis+sentinel://u:secret@one:1,two:2/main/3?password=secret&sentinelPassword=secret',
    );
    expect(server).toBe('redis+sentinel://one:1,two:2/main/3');
  });

  it.each([
    'redis+sentinel://one:26379',
    'redis+sentinel:///main',
    'redis+sentinel://one:x/main',
    'redis+sentinel://u:secret@one:26379,/main',
    'redis+sentinel://one/main/zero',
    'http://one',
  ])('that can never lead to one says what is expected, without secrets: %s', (url) => {
    expect(() => readRedisUrl(url)).toThrow(/redis\+sentinel:\/\/user:password@host1:26379,host2:26379\/mymaster\/0/);
    expect(() => readRedisUrl(url)).not.toThrow(/secret/);
  });
});
