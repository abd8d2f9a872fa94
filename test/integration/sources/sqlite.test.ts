import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { listTables } from '../../../producer/src/operate/list.js';
import { nodeWithSqlite } from '../../services/newer-node.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** Milliseconds, for npm and for a busy machine. */
const PATIENCE = 600_000;

interface Report {
  readonly numPassedTests: number;
  readonly testResults: readonly {
    readonly message: string;
    readonly assertionResults: readonly { fullName: string; status: string; failureMessages: readonly string[] }[];
  }[];
}

test(
  'every test in test/sqlite passes in a Node that has SQLite',
  async () => {
    const node = await nodeWithSqlite();
    const folder = mkdtempSync(join(tmpdir(), 'tributary-sqlite-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const report = join(folder, 'report.json');
    const { PATH = '', HOME = '' } = process.env;
    const args = [
      'node_modules/vitest/vitest.mjs',
      'run',
      '--project',
      'sqlite',
      '--reporter=json',
      `--outputFile=${report}`,
    ];
    const ended = await promisify(execFile)(node, args, { cwd: ROOT, env: { PATH, HOME, TMPDIR: folder } }).catch(
      (error: { stdout: string; stderr: string }) => error,
    );
    const { numPassedTests, testResults } = readReport(report, ended);
    const failed = testResults.flatMap(({ message, assertionResults }) => [
      ...(message === '' ? [] : [message]),
      ...assertionResults
        .filter(({ status }) => status !== 'passed')
        .map(({ fullName, failureMessages }) => `${fullName}: ${failureMessages.join('\n')}`),
    ]);
    expect(failed).toEqual([]);
    expect(numPassedTests).toBeGreaterThan(15);
  },
  PATIENCE,
);

function readReport(file: string, { stdout, stderr }: { stdout: string; stderr: string }): Report {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Report;
  } catch {
    throw new Error(`the tests of SQLite did not run: ${stderr}\n${stdout}`);
  }
}

test.runIf(Number(process.versions.node.split('.')[0]) < 22)('an older Node says which one it takes', async () => {
  await expect(listTables({ url: 'sqlite:///nowhere.db', write() {} })).rejects.toMatchObject({
    code: 'sqlite_missing',
    message: expect.stringContaining('SQLite is read by Node 22.13 and newer, and this is Node'),
  });
});
