import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { searchPath } from '../services/binaries.js';
import { FOLDER } from './support/manifests.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-redis-start-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A program on the PATH that stands in for the real one. */
const stub = (name: string, script: string) =>
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });

/** Starts a pod's Redis or Sentinel with `redis-server` in its place. @returns what it said, and the configuration it wrote */
function start(
  script: 'start-redis.sh' | 'start-sentinel.sh',
  pod: string,
  env: Readonly<Record<string, string>> = {},
) {
  stub('redis-server', 'exit 0');
  const said = execFileSync('sh', [join(FOLDER, 'components', 'redis-sentinel', script)], {
    encoding: 'utf8',
    stdio: 'pipe',
    env: {
      PATH: `${folder}:${searchPath}`,
      HOSTNAME: pod,
      REDIS_PASSWORD: 'a-password',
      DATA: folder,
      CONFIG: join(folder, 'redis.conf'),
      ...env,
    },
  });
  const file = join(folder, script === 'start-redis.sh' ? 'redis.conf' : 'sentinel.conf');
  return { said, config: readFileSync(file, 'utf8'), mode: statSync(file).mode & 0o077 };
}

/** What the Sentinels say that answer; all are asked again after a sleep, and then it is the next of these. */
function sentinels(...rounds: readonly Readonly<Record<string, string>>[]): void {
  const cases = rounds.flatMap((answers, round) =>
    Object.entries(answers).map(([pod, master]) => `${round}/${pod}) printf '%s\\n6379\\n' '${master}' ;;`),
  );
  stub('sleep', `echo >>${folder}/slept`);
  stub(
    'redis-cli',
    `round=$(cat ${folder}/slept 2>/dev/null | wc -l)\ncase "$round/$2" in ${cases.join(' ')} *) exit 1 ;; esac`,
  );
}

const saying = (one: string, two: string, three: string) => ({
  'redis-0.redis': one,
  'redis-1.redis': two,
  'redis-2.redis': three,
});
const ALL_NAME_THE_FIRST = saying('redis-0.redis', 'redis-0.redis', 'redis-0.redis');

/** Those of docker-compose.ha.yml. */
const COMPOSE = {
  SELF: 'redis-2',
  REDISES: 'redis redis-2 redis-3',
  SENTINELS: 'sentinel-1 sentinel-2 sentinel-3',
  MAXMEMORY: '384mb',
};

describe('a Redis of three', () => {
  test('is the master if the Sentinels say so, and a replica of whom they name otherwise', () => {
    sentinels(ALL_NAME_THE_FIRST);
    expect(start('start-redis.sh', 'redis-0').config).not.toContain('replicaof');
    expect(start('start-redis.sh', 'redis-1').config).toContain('replicaof redis-0.redis 6379\n');
  });

  test('believes two Sentinels, not the first that it asks, which has an older word', () => {
    sentinels(saying('redis-0.redis', 'redis-1.redis', 'redis-1.redis'));
    expect(start('start-redis.sh', 'redis-0').config).toContain('replicaof redis-1.redis 6379\n');
    expect(start('start-redis.sh', 'redis-1').config).not.toContain('replicaof');
  });

  test('waits while none answers, one alone does, or no two agree', () => {
    const two = { 'redis-1.redis': 'redis-1.redis', 'redis-2.redis': 'redis-1.redis' };
    sentinels({}, { 'redis-0.redis': 'redis-0.redis' }, saying('redis-0.redis', 'redis-1.redis', 'redis-2.redis'), two);
    const { said, config } = start('start-redis.sh', 'redis-0');
    expect(said.match(/no majority of the Sentinels agrees/g)).toHaveLength(3);
    expect(config).toContain('replicaof redis-1.redis 6379\n');
  });

  test('takes no word of its own Sentinel from the volume', () => {
    sentinels({}, saying('redis-0.redis', 'redis-2.redis', 'redis-2.redis'));
    writeFileSync(join(folder, 'sentinel.conf'), 'port 26379\nsentinel monitor tributary redis-0.redis 6379 2\n');
    expect(start('start-redis.sh', 'redis-0').config).toContain('replicaof redis-2.redis 6379\n');
  });

  test('does not take the words of an error for the name of a master, however many say them', () => {
    const error = 'NOAUTH Authentication required.';
    sentinels(saying(error, error, error), saying(error, 'redis-2.redis', 'redis-2.redis'));
    expect(start('start-redis.sh', 'redis-0').said).toMatch(/no majority.*\nthe master is redis-2.redis\n$/);
  });

  test('is the same with the names of docker compose', () => {
    sentinels({ 'sentinel-1': 'redis', 'sentinel-2': 'redis-3', 'sentinel-3': 'redis-3' });
    const { config } = start('start-redis.sh', 'a-container', COMPOSE);
    expect(config).toContain('replicaof redis-3 6379\n');
    expect(config).toContain('replica-announce-ip redis-2\n');
    expect(config).toContain('maxmemory 384mb\n');
  });

  test('evicts nothing, takes no writes that no replica hears, asks for a password, and lets nobody else read it', () => {
    sentinels(ALL_NAME_THE_FIRST);
    const { config, mode, said } = start('start-redis.sh', 'redis-0');
    expect(config).toContain('min-replicas-to-write 1\nmin-replicas-max-lag 10\n');
    expect(config).toContain('maxmemory 1gb\n');
    expect(config).toContain('maxmemory-policy noeviction\n');
    expect(config).toContain('appendonly yes\n');
    expect(config).toContain('requirepass a-password\nmasterauth a-password\n');
    expect(config).toContain('replica-announce-ip redis-0.redis\n');
    expect(mode).toBe(0);
    expect(said).toBe('the master is redis-0.redis\n');
  });

  test('does not start without a password, and says where it is looked for', () => {
    sentinels({});
    expect(() => start('start-redis.sh', 'redis-0', { REDIS_PASSWORD: '' })).toThrow(
      'the Secret tributary-redis has no password',
    );
    expect(() => start('start-sentinel.sh', 'redis-0', { REDIS_PASSWORD: '' })).toThrow('the Secret tributary-redis');
  });
});

describe('a Sentinel of Kubernetes', () => {
  test('watches by name, and keeps what it has learnt', () => {
    const { config, mode } = start('start-sentinel.sh', 'redis-1');
    expect(config).toContain('sentinel monitor tributary redis-0.redis 6379 2\n');
    expect(config).toContain('sentinel announce-ip redis-1.redis\n');
    expect(mode).toBe(0);
    writeFileSync(join(folder, 'sentinel.conf'), 'what it has learnt\n');
    expect(start('start-sentinel.sh', 'redis-1').config).toBe('what it has learnt\n');
  });
});
