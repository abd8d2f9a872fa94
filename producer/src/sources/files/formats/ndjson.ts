import { describeError, isMapping, parseJson } from '@tributary/shared';
import { Unreadable } from '../../port.js';
import type { LineParser } from './lines.js';

/** One JSON record on each line; empty lines are none. */
export const ndjsonParser: LineParser = {
  record(lines, batch, end, next) {
    const number = lines.line + 1;
    const text = lines.take(batch, end, next);
    if (text === undefined || text.trim() === '') return true;
    lines.add(batch, recordIn(text), number);
    return true;
  },
};

/** The record that a JSON text is, or what is wrong with it. */
export function recordIn(text: string): unknown {
  try {
    const value = parseJson(text);
    return isMapping(value) || Array.isArray(value) ? value : new Unreadable('it is no JSON object', text);
  } catch (error) {
    return new Unreadable(`it is no JSON: ${describeError(error)}`, text);
  }
}
