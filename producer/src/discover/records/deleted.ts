import type { Guess } from '../guess.js';
import type { Column } from './column.js';

const FLAG = /^(is_?)?(deleted|archived|removed|trashed|in_?trash)$/i;
const TIME = /^(deleted|archived|removed)_?(at|on|time|date)$/i;

/** How records show that they are deleted, as an expression. */
export function deletedWhen(columns: readonly Column[]): Guess<string> | undefined {
  const flag = columns.find(({ name, type }) => type === 'boolean' && FLAG.test(name));
  if (flag !== undefined)
    return {
      value: `${flag.name} == true`,
      reason: `${flag.name} is called like a mark of deleted records; without this they stay as rows`,
      isSure: false,
    };
  const time = columns.find(({ name, type }) => ['datetime', 'date'].includes(type) && TIME.test(name));
  if (time === undefined) return undefined;
  return {
    value: `${time.name} != null`,
    reason: `${time.name} is called like the time of a deletion; without this they stay as rows`,
    isSure: false,
  };
}
