import { parseJson, RetryableError } from '@tributary/shared';
import type { BodyFormat } from './format.js';
import { refuseMarkup } from './json.js';

/** One JSON record on each line. Nothing else is in the body, so `items` is not used. */
export const ndjsonFormat = (): BodyFormat => ({
  accept: 'application/x-ndjson, application/json',
  read(answer, excerpt) {
    refuseMarkup(answer, excerpt);
    return { body: undefined, records: recordsInLines(answer.text) };
  },
});

/**
 * The records of a body that holds one JSON value a line. A line that is not JSON costs no other line its place: it becomes
 * a record of its own, the text as it came, which the consumer dead-letters. Unless it is the last and has no end: then the
 * body was cut off.
 *
 * @throws RetryableError if the body was cut off
 */
export function recordsInLines(text: string): unknown[] {
  const lines = text.split(/\r?\n/);
  const records: unknown[] = [];
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue;
    try {
      records.push(parseJson(line));
    } catch {
      if (index === lines.length - 1) {
        throw new RetryableError('body_cut_off', 'the last line of the body is cut off in the middle of a record');
      }
      records.push(line);
    }
  }
  return records;
}
