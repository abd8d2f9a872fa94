/** `1 row`, `2 rows`. */
export const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;

/** `none, cursor or link`. */
export const either = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;

/** `expected one of id, name`: what is said after a name that does not exist. */
export const expectedOneOf = (names: Iterable<string>): string => `expected one of ${[...names].join(', ')}`;
