import { z } from 'zod';

/** The types of a field that holds one value, and what each takes. */
const SCALARS = {
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  datetime: 'an ISO 8601 time; one without an offset counts as UTC',
  date: 'an ISO 8601 date',
  json: 'any JSON',
} as const;

type ScalarType = keyof typeof SCALARS;

const SCALAR_TYPES = Object.keys(SCALARS) as [ScalarType, ...ScalarType[]];

const TYPES_IN_WORDS = Object.entries(SCALARS)
  .map(([type, words]) => `\`${type}\` (${words})`)
  .join(', ');

/** What a field may hold. `list` is an array of objects with scalar fields of their own (an order's lines). */
export type FieldType = ScalarType | 'list';

export interface Field {
  readonly type: FieldType;
  /** An optional field may be absent, null or, for text, empty: all three mean "nothing here". */
  readonly optional: boolean;
  /** The longest text accepted, in UTF-16 code units; longer values are dead-lettered. */
  readonly maxLength: number;
  /** The fields of each element of a `list`. */
  readonly items?: Readonly<Record<string, Field>>;
}

/** One million characters: far beyond any honest cell, and small enough that one record cannot fill the memory. */
const DEFAULT_MAX_LENGTH = 1_000_000;

const shorthand = z
  .string()
  .regex(
    new RegExp(`^(${SCALAR_TYPES.join('|')})\\??$`),
    `expected one of ${SCALAR_TYPES.join(', ')}, with a "?" behind it if it is optional, or { type: list, items: ... }`,
  )
  .transform(
    (text): Field => ({
      type: text.replace('?', '') as FieldType,
      optional: text.endsWith('?'),
      maxLength: DEFAULT_MAX_LENGTH,
    }),
  )
  .meta({
    id: 'FieldType',
    description: `The type of a field, with a "?" behind it if it is optional: ${TYPES_IN_WORDS}`,
  });

const common = {
  optional: z
    .boolean()
    .default(false)
    .describe('Whether it may be absent, null or empty text; all three mean that it holds nothing'),
  maxLength: z
    .int()
    .positive()
    .default(DEFAULT_MAX_LENGTH)
    .describe('The longest text that is accepted, in UTF-16 code units; a longer value is dead-lettered'),
};

const scalar = z
  .strictObject({ type: z.enum(SCALAR_TYPES).describe(TYPES_IN_WORDS), ...common })
  .describe('A field that holds one value, with more settings than the short form has');

const list = z
  .strictObject({
    type: z.literal('list').describe('A list of objects'),
    ...common,
    items: z.record(z.string(), z.union([shorthand, scalar])).describe('The fields of each object of the list'),
  })
  .describe("A list of objects, such as an order's lines");

/** `id: string`, `phone: string?`, or `{ type, optional, maxLength, items }`. */
export const fieldSchema = z.union([shorthand, z.discriminatedUnion('type', [scalar, list])]);
