import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { postgresServers } from '@tributary/shared';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readRedisUrl } from '../../shared/src/redis/url.js';
import { ROOT } from '../end-to-end/support/program.js';

const FOLDER = join(ROOT, 'deploy', 'high-availability');

interface Patroni {
  readonly etcd3: { readonly hosts: readonly string[] };
  readonly bootstrap: {
    readonly dcs: {
      readonly ttl: number;
      readonly loop_wait: number;
      readonly retry_timeout: number;
      readonly synchronous_mode: boolean;
    };
  };
}
interface File {
  readonly services: Readonly<Record<string, { readonly environment?: Readonly<Record<string, string>> }>>;
}

const { services } = parse(readFileSync(join(ROOT, 'docker-compose.ha.yml'), 'utf8'), {
  merge: true,
  logLevel: 'silent',
}) as File;

test('the image of Postgres and etcd names the version of each package, and of Debian', () => {
  const text = readFileSync(join(FOLDER, 'Dockerfile'), 'utf8');
  expect(text).toMatch(/^FROM postgres:17-trixie$/m);
  const [, installed = ''] = /--no-install-recommends([^&]*)&&/.exec(text) ?? [];
  const packages = installed.split(/[\s\\]+/).filter(Boolean);
  expect(packages.length).toBeGreaterThan(3);
  expect(packages.filter((one) => !/^'[a-z0-9-]+=\d+\.\d+\.\*'$/.test(one))).toEqual([]);
});

describe('docker-compose.ha.yml', () => {
  const { etcd3, bootstrap } = parse(readFileSync(join(FOLDER, 'patroni.yml'), 'utf8')) as Patroni;

  test('has a Postgres that is cut off step down before a commit that waits for the standby would succeed without it', () => {
    const { ttl, loop_wait, retry_timeout, synchronous_mode } = bootstrap.dcs;
    expect(loop_wait + 2 * retry_timeout, 'the rule of Patroni').toBeLessThanOrEqual(ttl);
    const consumer = readFileSync(join(ROOT, 'consumer/src/sinks/postgres/database.ts'), 'utf8');
    const timeout = Number(/STATEMENT_TIMEOUT = ([\d_]+)/.exec(consumer)?.[1]?.replaceAll('_', ''));
    expect(ttl * 1_000).toBeLessThan(timeout);
    expect(synchronous_mode).toBe(true);
  });

  test('names servers to the services that are there', () => {
    const names = Object.keys(services);
    for (const service of ['producer', 'consumer', 'dashboard', 'tools']) {
      const { REDIS_URL = '', POSTGRES_URL = '', SINK } = services[service]?.environment ?? {};
      const asSet = (text: string) => text.replaceAll(/\$\{[A-Z_]+:-([^}]*)\}/g, '$1');
      expect(SINK).toBe('postgres');
      const hosts = postgresServers(asSet(POSTGRES_URL)).map(({ name }) => name.replace(/:5432$/, ''));
      expect(names).toEqual(expect.arrayContaining(hosts));
      expect(hosts).toHaveLength(2);
      const sentinels = /\/\/([^/]+)\/tributary/.exec(readRedisUrl(asSet(REDIS_URL)).server)?.[1]?.split(',') ?? [];
      expect(sentinels).toHaveLength(3);
      expect(names).toEqual(expect.arrayContaining(sentinels.map((one) => one.replace(/:26379$/, ''))));
    }
    for (const name of ['redis', 'redis-2', 'redis-3']) {
      const { SELF, REDISES = '', SENTINELS = '' } = services[name]?.environment ?? {};
      expect(SELF).toBe(name);
      expect(REDISES.split(' ').sort()).toEqual(['redis', 'redis-2', 'redis-3']);
      expect(SENTINELS.split(' ').sort()).toEqual(names.filter((one) => one.startsWith('sentinel-')).sort());
    }
    expect(services['sentinel-1']?.environment?.FIRST_MASTER).toBe('redis');
    expect(names).toEqual(expect.arrayContaining(etcd3.hosts.map((host) => host.replace(/:2379$/, ''))));
  });
});
