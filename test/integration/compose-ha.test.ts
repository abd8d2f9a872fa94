import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { postgresServers } from '@tributary/shared';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readRedisUrl } from '../../shared/src/redis/url.js';
import { ROOT } from '../end-to-end/support/program.js';
import { searchPath } from '../services/binaries.js';

const FOLDER = join(ROOT, 'deploy', 'high-availability');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-ha-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A program on the PATH that stands in for the real one. */
const stub = (name: string, script: string) =>
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });

/**
 * Starts a Redis with `redis-server` in its place. What the Sentinels say may change with each time that all are asked.
 * @param rounds for each time, what the Sentinels say that answer
 */
async function start(self: string, ...rounds: readonly Readonly<Record<string, string>>[]) {
  stub('redis-server', 'exit 0');
  // Asked again, that is, after a sleep.
  stub('sleep', `echo >>${folder}/slept`);
  const cases = rounds.flatMap((answers, round) =>
    Object.entries(answers).map(([name, said]) => `${round}/${name}) printf '%s\\n6379\\n' '${said}' ;;`),
  );
  stub(
    'redis-cli',
    `round=$(cat ${folder}/slept 2>/dev/null | wc -l)\ncase "$round/$2" in ${cases.join(' ')} *) exit 1 ;; esac`,
  );
  const { stdout: said } = await promisify(execFile)('sh', [join(FOLDER, 'redis.sh')], {
    timeout: 20_000,
    env: {
      PATH: `${folder}:${searchPath}`,
      SELF: self,
      REDIS_PASSWORD: 'a-password',
      DATA: folder,
      CONFIG: join(folder, 'redis.conf'),
    },
  });
  const config = join(folder, 'redis.conf');
  return { said, config: readFileSync(config, 'utf8'), mode: statSync(config).mode & 0o077 };
}

const saying = (one: string, two: string, three: string) => ({
  'sentinel-1': one,
  'sentinel-2': two,
  'sentinel-3': three,
});

describe('a Redis of docker-compose.ha.yml', () => {
  test('is the master if the Sentinels say so, and a replica of whom they name otherwise', async () => {
    expect((await start('redis', saying('redis', 'redis', 'redis'))).config).not.toContain('replicaof');
    expect((await start('redis', saying('redis-3', 'redis-3', 'redis-3'))).config).toContain(
      'replicaof redis-3 6379\n',
    );
  });

  test('believes two Sentinels, not one that has an older word', async () => {
    expect((await start('redis', saying('redis', 'redis-2', 'redis-2'))).config).toContain('replicaof redis-2 6379\n');
  });

  test('waits until two agree: it is no master by the word of one', async () => {
    const { said, config } = await start('redis', { 'sentinel-1': 'redis' }, saying('redis', 'redis-2', 'redis-3'), {
      'sentinel-2': 'redis-2',
      'sentinel-3': 'redis-2',
    });
    expect(said.match(/no two Sentinels agree/g)).toHaveLength(2);
    expect(config).toContain('replicaof redis-2 6379\n');
  });

  test('does not take the words of an error for the name of a master, however many say them', async () => {
    const error = 'NOAUTH Authentication required.';
    const { said } = await start('redis', saying(error, error, error), saying('redis', 'redis', error));
    expect(said).toMatch(/no two Sentinels agree.*\nthe master is redis\n$/);
  });

  test('evicts nothing, takes no writes that no replica hears, and keeps its password to itself', async () => {
    const { config, mode } = await start('redis-2', saying('redis', 'redis', 'redis'));
    expect(config).toContain('maxmemory-policy noeviction\n');
    expect(config).toContain('appendonly yes\n');
    expect(config).toContain('min-replicas-to-write 1\n');
    expect(config).toContain('requirepass a-password\nmasterauth a-password\n');
    expect(config).toContain('replica-announce-ip redis-2\n');
    expect(mode).toBe(0);
  });
});

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
    for (const service of ['producer', 'consumer', 'dashboard']) {
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
    expect(names).toEqual(expect.arrayContaining(etcd3.hosts.map((host) => host.replace(/:2379$/, ''))));
  });
});
