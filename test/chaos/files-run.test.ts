import { expect, test } from 'vitest';
import { formatFilesRun, runFiles } from '../src/files-run/run.js';
import { say } from './clean-run.js';

test('of the files of a bank with planted faults exactly those are dead letters, and all others rows, while everything is killed', async () => {
  const result = await runFiles({ records: 50_000, say, signal: new AbortController().signal });
  console.log(formatFilesRun(result));
  expect(result.problems).toEqual([]);
  expect(result.report).toMatchObject({ ok: true, kills: 3, planted: 24, deadLetters: 24, rows: 49_976 });
});
