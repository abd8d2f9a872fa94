/** Settings that some types have and others do not. */
export type TypeSetting = 'maxLength' | 'unit' | 'format' | 'zone';

interface FieldTypeEntry {
  /** One line for people. */
  readonly words: string;
  /** Which settings it has beside those of every type. */
  readonly settings: readonly TypeSetting[];
}

/** What a field may hold, but for lists. */
export const SCALAR_TYPES = {
  string: { words: 'Text. A number becomes its text', settings: ['maxLength'] },
  integer: { words: 'A whole number of 64 bits, exact', settings: [] },
  number: { words: 'A number that computers calculate with (a double): 15 to 17 digits', settings: [] },
  decimal: { words: 'A number with all its digits, such as an amount of money', settings: [] },
  boolean: { words: 'true or false', settings: [] },
  datetime: { words: 'A moment, kept in UTC to the microsecond', settings: ['unit', 'format', 'zone'] },
  date: { words: 'A day', settings: ['unit', 'format', 'zone'] },
  json: { words: 'JSON of any shape', settings: ['maxLength'] },
} as const satisfies Readonly<Record<string, FieldTypeEntry>>;

export type ScalarType = keyof typeof SCALAR_TYPES;
/** What a field may hold. `list` is an array of objects with scalar fields of their own (an order's lines). */
export type FieldType = ScalarType | 'list';

/** What a number that is a time may count. */
export const UNITS = ['s', 'ms', 'us', 'ns'] as const;
export type Unit = (typeof UNITS)[number];
