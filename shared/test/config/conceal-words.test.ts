import { expect, test } from 'vitest';
import { withoutValues } from '../../src/index.js';

test.each([
  ['short', 'it is shorter than 12 characters', 'it is shorter than 12 characters'],
  ['an', 'an hour and another one', '[secret] hour and another one'],
  ['refuse', 'the server refused it; refuse.', 'the server refused it; [secret].'],
  ['pass', 'no password (passwords) pass', 'no password (passwords) [secret]'],
  // What is no word of a sentence, or stands in a place of values.
  ['short', 'GET https://host/botshort/x', 'GET https://host/bot[secret]/x'],
  ['short', 'it said "botshort"', 'it said "bot[secret]"'],
  ['short', 'token=shorter', 'token=[secret]er'],
  ['Short1', 'Short1er', '[secret]er'],
  ['longenoughforone', 'longenoughforones', '[secret]s'],
])('a secret that is a common word, %j, is concealed, and no word that holds it: %j', (secret, text, shown) => {
  expect(withoutValues(text, [secret])).toBe(shown);
});
