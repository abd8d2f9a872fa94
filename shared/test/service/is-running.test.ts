import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { isRunning, thisProcess } from '../../src/service/is-running.js';

const LINUX = process.platform === 'linux';

/** A process that names itself, and ends with the test. */
async function another() {
  const file = new URL('../../dist/service/is-running.js', import.meta.url).href;
  const code = `import(${JSON.stringify(file)}).then(({ thisProcess }) => console.log(thisProcess())); setInterval(() => {}, 1e6)`;
  const child = spawn(process.execPath, ['-e', code]);
  onTestFinished(() => void child.kill('SIGKILL'));
  const [name] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, name: String(name).trim() };
}

test('this process runs, and so does another one until it ends', async () => {
  expect(thisProcess()).toMatch(/^\d+(-[0-9a-f]{12})?$/);
  expect(isRunning(thisProcess())).toBe(true);
  const { child, name } = await another();
  expect(Number.parseInt(name, 10)).toBe(child.pid);
  expect(isRunning(name)).toBe(true);
  expect(isRunning(String(child.pid))).toBe(true);
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
  expect(isRunning(name)).toBe(false);
});

test.runIf(LINUX)('a process that has the number of an earlier one is not taken for it', async () => {
  const { child } = await another();
  expect(isRunning(`${child.pid}-0123456789ab`)).toBe(false);
  expect(isRunning(`${process.pid}-0123456789ab`)).toBe(false);
  // What an earlier version wrote has no more than the number, which is that of this process now.
  expect(isRunning(String(process.pid))).toBe(false);
});

test('what names no process names none that runs', () => {
  for (const name of ['', 'x', '0', '-1', '999999999']) expect(isRunning(name), name).toBe(false);
});
