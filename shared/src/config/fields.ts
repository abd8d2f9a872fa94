import { z } from 'zod';

const SCALAR_TYPES = ['string', 'integer', 'number', 'boolean', 'datetime', 'date', 'json'] as const;

/** What a field may hold. `list` is an array of objects with scalar fields of their own (an order's lines). */
export type FieldType = (typeof SCALAR_TYPES)[number] | 'list';

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
  );

const common = { optional: z.boolean().default(false), maxLength: z.int().positive().default(DEFAULT_MAX_LENGTH) };

const scalar = z.strictObject({ type: z.enum(SCALAR_TYPES), ...common });

const list = z.strictObject({
  type: z.literal('list'),
  ...common,
  items: z.record(z.string(), z.union([shorthand, scalar])),
});

/** `id: string`, `phone: string?`, or `{ type, optional, maxLength, items }`. */
export const fieldSchema = z.union([shorthand, z.discriminatedUnion('type', [scalar, list])]);
