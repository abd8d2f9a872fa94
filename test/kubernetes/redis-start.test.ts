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

/** The Sentinels that answer, and what they say. */
const sentinels = (answers: Readonly<Record<string, string>>) =>
  stub(
    'redis-cli',
    `case "$2" in ${Object.entries(answers)
      .map(([pod, master]) => `${pod}.redis) printf '%s\\n6379\\n' '${master}' ;;`)
      .join(' ')} *) exit 1 ;; esac`,
  );

describe('a Redis of Kubernetes', () => {
  test('begins as the master in pod 0, and as its replica in the others', () => {
    sentinels({});
    expect(start('start-redis.sh', 'redis-0').config).not.toContain('replicaof');
    expect(start('start-redis.sh', 'redis-1').config).toContain('replicaof redis-0.redis 6379\n');
  });

  test('follows the master that a Sentinel names, also in pod 0, and also if the first does not answer', () => {
    sentinels({ 'redis-2': 'redis-1.redis' });
    expect(start('start-redis.sh', 'redis-0').config).toContain('replicaof redis-1.redis 6379\n');
    expect(start('start-redis.sh', 'redis-1').config).not.toContain('replicaof');
  });

  test('does not take the words of an error for the name of a master', () => {
    sentinels({ 'redis-0': 'NOAUTH Authentication required.', 'redis-1': 'redis-2.redis' });
    expect(start('start-redis.sh', 'redis-0').config).toContain('replicaof redis-2.redis 6379\n');
  });

  test('asks what its own Sentinel knew last where none answers: all pods were away at once', () => {
    sentinels({});
    writeFileSync(join(folder, 'sentinel.conf'), 'port 26379\nsentinel monitor tributary redis-2.redis 6379 2\n');
    expect(start('start-redis.sh', 'redis-0').config).toContain('replicaof redis-2.redis 6379\n');
    expect(start('start-redis.sh', 'redis-2').config).not.toContain('replicaof');
  });

  test('evicts nothing, asks for a password, and lets nobody else read it', () => {
    sentinels({});
    const { config, mode, said } = start('start-redis.sh', 'redis-0');
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
