import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { S3Client } from '@bradenmacdonald/s3-lite-client';
import { findOrInstall } from '../apt.js';
import { firstExecutable, searchPath } from '../binaries.js';
import { type PrivateService, type Say, sayOnConsole } from '../handle.js';
import { freePorts } from '../ports.js';
import { type Recipe, runPrivately } from '../private-server.js';
import { unprivilegedUser } from '../unprivileged.js';

const PACKAGES = ['swift-proxy', 'swift-account', 'swift-container', 'swift-object'];

/** Debian's packages of Python belong to this one, whatever `python3` is on the PATH. */
const PYTHON = '/usr/bin/python3';

/** An S3 server of the test's own, as {@link PrivateService}, with what its clients need. */
export interface PrivateS3 extends PrivateService {
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: string;
}

const KEYS = { region: 'us-east-1', accessKey: 'test:tester', secretKey: 'the-secret-of-the-tester' };

/** A key that is right and may do nothing, and one that may list once a second: what comes sooner is told to slow down. */
export const STRANGER = { accessKey: 'test:stranger', secretKey: 'the-secret-of-the-stranger' };
export const SLOW = { accessKey: 'slow:tester', secretKey: 'the-secret-of-the-slow' };

/** OpenStack Swift, which speaks S3 and checks the signatures. Its folder has to be on a disk with extended attributes. */
export async function startPrivateS3(say: Say = sayOnConsole): Promise<PrivateS3> {
  await findOrInstall(findSwift, PACKAGES, say);
  return { ...(await runPrivately(prepare)), ...KEYS };
}

const findSwift = (): string | undefined => {
  const programs = ['proxy', 'account', 'container', 'object'].map((name) => `/usr/bin/swift-${name}-server`);
  return programs.every((program) => firstExecutable([program]) !== undefined) ? PYTHON : undefined;
};

async function prepare(folder: string): Promise<Recipe> {
  const [proxy = 0, account = 0, container = 0, object = 0] = await freePorts(4);
  const user = unprivilegedUser('swift');
  const users = [
    [KEYS, '.admin'],
    [SLOW, '.admin'],
    [STRANGER, ''],
  ] as const;
  const write = (name: string, lines: readonly string[]) => writeFileSync(join(folder, name), `${lines.join('\n')}\n`);
  const server = (port: number) => [
    '[DEFAULT]',
    'bind_ip = 127.0.0.1',
    `bind_port = ${port}`,
    `swift_dir = ${folder}`,
    `devices = ${folder}`,
    'mount_check = false',
    'fallocate_reserve = 0',
    'disable_fallocate = true',
    // Without a directory there, no log is written: the machine of a test has no syslog.
    `log_address = ${join(folder, 'no-syslog')}`,
  ];
  write('swift.conf', ['[swift-hash]', 'swift_hash_path_suffix = tributary', '[storage-policy:0]', 'name = only']);
  for (const [name, port] of Object.entries({ account, container, object })) {
    write(`${name}-server.conf`, [
      ...server(port),
      '[pipeline:main]',
      `pipeline = ${name}-server`,
      `[app:${name}-server]`,
      `use = egg:swift#${name}`,
    ]);
  }
  write('proxy-server.conf', [
    ...server(proxy),
    '[pipeline:main]',
    'pipeline = catch_errors gatekeeper listing_formats s3api tempauth ratelimit copy slo proxy-server',
    '[app:proxy-server]',
    'use = egg:swift#proxy',
    'account_autocreate = true',
    // A bucket that has no object yet is not held to a rate.
    'recheck_container_existence = 1',
    ...['catch_errors', 'gatekeeper', 'listing_formats', 'copy', 'slo'].flatMap((name) => [
      `[filter:${name}]`,
      `use = egg:swift#${name}`,
    ]),
    '[filter:s3api]',
    'use = egg:swift#s3api',
    `location = ${KEYS.region}`,
    '[filter:tempauth]',
    'use = egg:swift#tempauth',
    ...users.map(([{ accessKey, secretKey }, role]) => `user_${accessKey.replace(':', '_')} = ${secretKey} ${role}`),
    '[filter:ratelimit]',
    'use = egg:swift#ratelimit',
    'account_whitelist = AUTH_test',
    'container_listing_ratelimit_0 = 1',
    'max_sleep_time_seconds = 0.05',
  ]);
  mkdirSync(join(folder, 'disk'));
  if (user !== undefined) {
    chownSync(folder, user.uid, user.gid);
    chownSync(join(folder, 'disk'), user.uid, user.gid);
  }
  return {
    name: 'Swift',
    url: `http://127.0.0.1:${proxy}`,
    how: `OpenStack Swift, run privately on port ${proxy}`,
    command: PYTHON,
    args: [fileURLToPath(new URL('serve.py', import.meta.url)), folder],
    env: { PATH: searchPath, LANG: 'C.UTF-8', HOME: folder, TMPDIR: folder, PYTHONDONTWRITEBYTECODE: '1' },
    user,
    stopSignal: 'SIGTERM',
    check,
  };
}

async function check(url: string): Promise<void> {
  const client = new S3Client({ endPoint: url, ...KEYS });
  await client.bucketExists('none-of-this-name');
}
