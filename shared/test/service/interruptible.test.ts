import { setImmediate } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { interruptible } from '../../src/index.js';

test.each([
  ['before', 0],
  ['while it waits', 1],
])('work that fails after the signal aborted %s ends no process', async (_when, turns) => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => void unhandled.push(reason);
  process.on('unhandledRejection', note);
  onTestFinished(() => void process.off('unhandledRejection', note));
  const stop = new AbortController();
  const reason = new Error('stopped');
  if (turns === 0) stop.abort(reason);
  let fail = (_error: Error) => {};
  const work = new Promise<never>((_resolve, reject) => (fail = reject));
  const waiting = expect(interruptible(work, stop.signal)).rejects.toBe(reason);
  if (turns === 1) stop.abort(reason);
  await waiting;
  fail(new Error('Connection is closed.'));
  await setImmediate();
  await setImmediate();
  expect(unhandled).toEqual([]);
});
