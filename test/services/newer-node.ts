import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describeError } from '@tributary/shared';
import { type Say, sayOnConsole } from './handle.js';

/** Of the packages with which npm's `node` brings its program: one for each platform. */
const VERSION = '24.22.3';

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/tributary/', import.meta.url));

/** Milliseconds. It is 45 MB. */
const PATIENCE = 300_000;

/**
 * A Node that has SQLite (22.13 and newer): this one, or one that npm brings, which is kept in node_modules/.cache.
 * @returns its program
 * @throws Error saying what to do if it cannot be had
 */
export async function nodeWithSqlite(say: Say = sayOnConsole): Promise<string> {
  if (isBuiltin('node:sqlite')) return process.execPath;
  const system = process.platform === 'win32' ? 'win' : process.platform;
  const name = `node-${system}-${process.arch}`;
  const kept = join(CACHE, `${name}-${VERSION}`);
  const program = join(kept, 'node_modules', name, 'bin', system === 'win' ? 'node.exe' : 'node');
  if (existsSync(program)) return program;
  say(`Node ${VERSION} for the tests of SQLite: npm brings it, as Node ${process.versions.node} has none`);
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, 'new-'));
  try {
    const args = ['install', '--prefix', folder, '--no-save', '--no-audit', '--no-fund', `${name}@${VERSION}`];
    await promisify(execFile)('npm', args, { timeout: PATIENCE, shell: system === 'win' });
    // As a whole, so that a run that is broken off leaves nothing that looks complete.
    if (!existsSync(program)) renameSync(folder, kept);
  } catch (error) {
    if (existsSync(program)) return program;
    const remedy = 'Run the tests with Node 22.13 or newer, or let npm reach its registry';
    throw new Error(
      `No Node with SQLite for the tests: npm does not bring ${name}@${VERSION}: ${describeError(error)}. ${remedy}.`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return program;
}
