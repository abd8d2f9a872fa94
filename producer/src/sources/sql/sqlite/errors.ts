import { RetryableError } from '@tributary/shared';
import { refused, type Words } from '../faults.js';

const UNKNOWN: Words = {
  code: 'database_unknown',
  remedy:
    'correct the path in its URL (sqlite:///from/the/root.db or sqlite://./from/the/folder.db), and let this user read the file',
};

/** What a person has to change, by the primary result code (SQLite's manual, "Result and Error Codes"). */
const KNOWN: Readonly<Record<number, Words>> = {
  3: { code: 'database_forbids', remedy: 'let this user read the file and its folder' },
  8: { code: 'query_writes', remedy: 'the query has to read only' },
  11: { code: 'database_damaged', remedy: 'restore it: PRAGMA integrity_check tells what is wrong' },
  14: UNKNOWN,
  26: UNKNOWN,
};

/** Another program writes, the disk failed, or memory is short: a statement may succeed later. */
const PASSING: ReadonlySet<number> = new Set([5, 6, 7, 10]);

/** Errors of the statement itself have one number; their words tell them apart. */
const BY_WORDS: readonly (readonly [pattern: RegExp, words: Words])[] = [
  [/no such table/, { code: 'table_unknown', remedy: 'look at the name: tributary list URL shows what there is' }],
  [/no such column/, { code: 'column_unknown', remedy: 'look at columns, map and the fields of the entity' }],
];

/** What the failure of a statement means, in words. @param number the result code, with its extension */
export function faultOf(said: string, number: number | undefined): Error {
  const primary = (number ?? 1) & 0xff;
  if (PASSING.has(primary)) return new RetryableError('database_busy', `${said} (${number})`);
  const words = KNOWN[primary] ?? BY_WORDS.find(([pattern]) => pattern.test(said))?.[1];
  return refused(said, number ?? 'SQLite', words);
}
