import type { FieldType } from './field-types.js';

interface MetricEntry {
  /** One line for people. */
  readonly words: string;
  /** The types that its column may have; undefined for a metric that has no column. */
  readonly of: readonly FieldType[] | undefined;
  /** The type of what is told, by that of its column. */
  readonly gives: (of: FieldType) => FieldType;
}

const NUMBERS: readonly FieldType[] = ['integer', 'decimal', 'number'];

/** What can be told of the rows of a group. */
export const METRICS = {
  count: { words: 'How many rows there are', of: undefined, gives: () => 'integer' },
  sum: {
    words:
      'The exact sum, whatever the order of the rows: a `decimal`; of a `number`, whose digits are added as decimals, a `number`',
    of: NUMBERS,
    // A sum of integers may have more than 64 bits.
    gives: (of) => (of === 'number' ? 'number' : 'decimal'),
  },
  min: { words: 'The least value', of: [...NUMBERS, 'datetime', 'date'], gives: (of) => of },
  max: { words: 'The greatest value', of: [...NUMBERS, 'datetime', 'date'], gives: (of) => of },
  average: {
    words: 'The exact sum, divided by the number of values: a `decimal`, rounded once',
    of: NUMBERS,
    gives: () => 'decimal',
  },
  distinct: {
    words: 'How many different values there are, counted exactly',
    of: [...NUMBERS, 'string', 'boolean', 'datetime', 'date'],
    gives: () => 'integer',
  },
} as const satisfies Readonly<Record<string, MetricEntry>>;

export type MetricKind = keyof typeof METRICS;

/** The types that a column may have by whose values rows are grouped: those of which equal values are always written alike. */
export const GROUPED: readonly FieldType[] = ['string', 'integer', 'boolean', 'datetime', 'date'];

/** The types of columns that hold a time, by the window that they can be put into. */
export const WINDOWS = {
  day: ['datetime', 'date'],
  hour: ['datetime'],
} as const satisfies Readonly<Record<string, readonly FieldType[]>>;
