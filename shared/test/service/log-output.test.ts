import { expect, test } from 'vitest';
import { PipedLog } from '../../src/service/log-output.js';

/** A pipe that is read when the test says so. */
function pipe() {
  const kept: string[] = [];
  let waiting = 0;
  return {
    kept,
    get writableLength() {
      return waiting;
    },
    write(text: string) {
      kept.push(text);
      waiting += text.length;
    },
    read() {
      waiting = 0;
    },
  };
}

test('a log leaves out what its reader does not read, and tells how much when it reads again', () => {
  const stream = pipe();
  const log = new PipedLog(stream, 10);
  for (const line of ['one line\n', 'two\n', 'three\n', 'four\n']) log.write(line);
  expect(stream.kept).toEqual(['one line\n', 'two\n']);
  stream.read();
  log.write('five\n');
  const [told = '', ...rest] = stream.kept.slice(2);
  expect(JSON.parse(told)).toMatchObject({ level: 'warn', msg: expect.stringContaining('2 lines of this log') });
  expect(rest).toEqual(['five\n']);
  stream.read();
  log.write('six\n');
  expect(stream.kept.at(-1)).toBe('six\n');
  expect(stream.kept).toHaveLength(5);
});
