import { expect, test } from 'vitest';
import { openIn } from '../../../src/sources/sql/mysql/open-transactions.js';

const NOW = 1_000_000_000_000;

const statusOf = (...transactions: readonly string[]) =>
  [
    'LATEST DETECTED DEADLOCK',
    '*** (1) TRANSACTION:',
    'TRANSACTION 7, ACTIVE 5000 sec inserting, undo log entries 3',
    'TRANSACTIONS',
    'Trx id counter 12',
    'LIST OF TRANSACTIONS FOR EACH SESSION:',
    ...transactions.map((one) => `---TRANSACTION ${one}`),
    '--------',
    'FILE I/O',
  ].join('\n');

test.each([
  ['none', [], undefined],
  ['one that has not begun', ['(0x7f), not started\n0 lock struct(s)'], undefined],
  ['one that has written', ['9, ACTIVE 700 sec\n1 lock struct(s), undo log entries 1\nMySQL thread id 5'], 701],
  ['one that is inserting', ['9, ACTIVE 3 sec inserting\nmysql tables in use 1'], 4],
  ['one that may write yet', ['421, ACTIVE 599 sec\n0 lock struct(s)'], 600],
  ['one that only reads, for long', ['421, ACTIVE 600 sec\n0 lock struct(s)'], undefined],
  ['one that is prepared', ['11, ACTIVE (PREPARED) 9000 sec recovered trx\n1 lock struct(s)'], 9_001],
  ['one that has ended just now', ['9, COMMITTED IN MEMORY committing\nundo log entries 2'], undefined],
  ['several', ['9, ACTIVE 2 sec\nx', '8, ACTIVE 30 sec\nundo log entries 2', '7, not started'], 31],
])('finds the beginning of the oldest open transaction of MySQL: %s', (_, transactions, seconds) => {
  const began = seconds === undefined ? undefined : NOW - seconds * 1_000;
  expect(openIn(statusOf(...transactions), NOW)).toEqual({ began, hidden: 0, prepared: undefined });
});

test('a text that the server has cut, or in which there is no list, hides transactions', () => {
  expect(openIn(`${statusOf('9, ACTIVE 2 sec')}... truncated...`, NOW)).toMatchObject({ hidden: 1 });
  expect(openIn('', NOW)).toMatchObject({ began: undefined, hidden: 1 });
});
