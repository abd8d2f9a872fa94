import { execFile } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describeError } from '@tributary/shared';
import { onPath, searchPath } from './binaries.js';
import type { Say } from './handle.js';

const run = promisify(execFile);

/** invoke-rc.d asks this file whether a service may be started; 101 is its word for no (policy-rc.d, Debian). */
const POLICY = '/usr/sbin/policy-rc.d';

/** Installations of one process, one after the other: apt-get holds a lock, and the policy file is one. */
let previous: Promise<unknown> = Promise.resolve();

/**
 * What `find` finds; if that is nothing, the packages are installed and it looks again.
 * @throws Error saying what is missing and why it cannot be installed
 */
export async function findOrInstall<T>(find: () => T | undefined, packages: readonly string[], say: Say): Promise<T> {
  const found = find();
  if (found !== undefined) return found;
  const missing = `${packages.join(' ')} is not installed here`;
  try {
    await installPackages(packages, say);
  } catch (error) {
    throw new Error(`${missing}, and cannot be: ${describeError(error)}`);
  }
  const installed = find();
  if (installed === undefined) throw new Error(`apt-get installed ${packages.join(' ')}, which holds no server`);
  return installed;
}

/**
 * Installs packages with apt-get, without starting the services they bring.
 * @throws Error saying why it cannot, or with the end of what apt-get said
 */
function installPackages(packages: readonly string[], say: Say): Promise<void> {
  const installed = previous.then(() => install(packages, say));
  previous = installed.catch(() => {});
  return installed;
}

async function install(packages: readonly string[], say: Say): Promise<void> {
  if (onPath('apt-get') === undefined) throw new Error('this is no Debian or Ubuntu: there is no apt-get');
  if (process.getuid?.() !== 0) throw new Error('apt-get needs root');
  say(`installing ${packages.join(' ')} with apt-get, for the tests; its own service is not started`);
  const ours = forbidServices();
  try {
    await aptGet('update');
    await aptGet('install', '-y', '--no-install-recommends', ...packages);
  } finally {
    if (ours) rmSync(POLICY, { force: true });
  }
}

async function aptGet(...args: string[]): Promise<void> {
  const options = ['-q', '-o', 'DPkg::Lock::Timeout=300', '-o', 'Acquire::Retries=3'];
  try {
    await run('apt-get', [...options, ...args], {
      env: { ...process.env, PATH: searchPath, DEBIAN_FRONTEND: 'noninteractive' },
      maxBuffer: 64 * 1024 * 1024,
    });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    const end = `${stdout}\n${stderr}`.trim().split('\n').slice(-8).join('\n');
    throw new Error(`apt-get ${args[0]} failed:\n${end}`);
  }
}

/** @returns whether the policy file is ours to remove; one that is there already stays as it is */
function forbidServices(): boolean {
  try {
    writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { flag: 'wx', mode: 0o755 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
