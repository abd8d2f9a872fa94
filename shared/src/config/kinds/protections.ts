import { z } from 'zod';
import type { FieldType } from './field-types.js';
import { choiceOf, type KindTable, namesOf } from './table.js';

const TO = ['year', 'month', 'decade'] as const;

/** What a producer makes of a value before it leaves: the value itself is never in a queue, a file or a database. */
export const PROTECTIONS = {
  drop: { words: 'The value is left out: its column stays empty. Expressions may still read it', settings: {} },
  mask: {
    words:
      'The value is shown in part: `a***@e***.org`, the last four of digits (`***1234`), otherwise the first letter',
    settings: {},
  },
  hash: {
    words:
      'A pseudonym by HMAC-SHA-256 under `PRIVACY_HASH_KEY`, 32 hex digits: the same value has the same pseudonym everywhere, so that joins work',
    settings: {},
  },
  encrypt: {
    words:
      'AES-256-GCM under the first of `PRIVACY_ENCRYPTION_KEYS`; whoever has the keys reads it with `npx tributary reveal`',
    settings: {},
  },
  generalise: {
    words: 'The value is made coarser, by one of `to`, `bucket`, `first` and `hierarchy`',
    settings: {
      to: z.enum(TO).optional().describe('Of a datetime or a date only the year, the month or the decade'),
      bucket: z
        .number()
        .positive()
        .optional()
        .describe(
          'Of a number the bucket that it lies in: with 10, 34 becomes `30-40` (30 belongs to it, 40 does not)',
        ),
      first: z.int().min(1).max(100).optional().describe('Of a text so many characters: with 2, 80331 becomes `80***`'),
      hierarchy: z
        .string()
        .min(1)
        .optional()
        .describe(
          'Of a text what a file says, with a line `value;level 1;level 2;…` for each: `./cities.csv`. What is not in it becomes `*`',
        ),
      level: z.int().min(1).max(20).optional().describe('Which level of the `hierarchy`; 1 is the finest'),
    },
  },
} as const satisfies KindTable;

export type ProtectionKind = keyof typeof PROTECTIONS;

/** Those that are whole by their name alone. */
const BARE = namesOf(PROTECTIONS).filter((name) => name !== 'generalise');

const choice = choiceOf(PROTECTIONS);

/** `hash`, or `{ type: generalise, to: year }`. */
export const protectionSchema = z
  .union([z.enum(BARE).transform((type) => ({ type })), choice], {
    error: 'expected drop, mask, hash, encrypt, or a mapping such as { type: generalise, to: year }',
  })
  .describe('What the producer makes of the value before it leaves, so that it is nowhere in the clear');

export type Protection = z.output<typeof protectionSchema>;
/** A protection of one kind. */
export type ProtectionOf<K extends ProtectionKind> = Extract<z.output<typeof choice>, { readonly type: K }>;

/** Which types each way to generalise is for. */
const GENERALISED = {
  to: ['datetime', 'date'],
  bucket: ['integer', 'number', 'decimal'],
  first: ['string', 'integer'],
  hierarchy: ['string', 'integer'],
} as const satisfies Readonly<Record<string, readonly FieldType[]>>;

/** Why a protection cannot be had by a field; undefined if it can. */
export function protectionFault(protection: Protection, type: FieldType, optional: boolean): string | undefined {
  if (protection.type === 'drop') {
    return optional ? undefined : 'what is dropped is empty in every row: let the type have a "?"';
  }
  if (protection.type === 'mask') {
    return type === 'string' ? undefined : 'only text can be masked: expected generalise, hash, encrypt or drop';
  }
  if (protection.type !== 'generalise') return undefined;
  const ways = Object.keys(GENERALISED).filter((way) => protection[way as keyof typeof GENERALISED] !== undefined);
  const [way] = ways as (keyof typeof GENERALISED)[];
  if (way === undefined || ways.length > 1) return 'expected one of to, bucket, first and hierarchy';
  if ((way === 'hierarchy') !== (protection.level !== undefined)) return 'hierarchy and level go together';
  const types: readonly FieldType[] = GENERALISED[way];
  return types.includes(type) ? undefined : `${way} is for ${types.join(', ')}, and the field is of type ${type}`;
}
