import { z } from 'zod';
import { either } from '../words.js';
import {
  type FieldType,
  SCALAR_TYPES,
  type ScalarType,
  type TypeSetting,
  UNITS,
  type Unit,
} from './kinds/field-types.js';
import { type Protection, protectionFault, protectionSchema } from './kinds/protections.js';
import { pathFault, pathSchema, zoneSchema } from './values.js';

/** What the value of a field is made of, where it is not simply there under the field's own name. */
export interface FieldSource {
  /** The path of the value in the raw record; in an item of a list, from the item. */
  readonly from?: string | undefined;
  /** What a number that is a time counts. */
  readonly unit?: Unit | undefined;
  /** The pattern that a time is written by. */
  readonly format?: string | undefined;
  /** The time zone of times without an offset, and of days. */
  readonly zone?: string | undefined;
  /** A CEL expression that computes the value of the record's other fields. */
  readonly value?: string | undefined;
}

export interface Field extends FieldSource {
  readonly type: FieldType;
  /** An optional field may be absent, null or, for text, empty: all three mean "nothing here". */
  readonly optional: boolean;
  /** The longest text accepted, in UTF-16 code units; longer values are dead-lettered. */
  readonly maxLength: number;
  /** The fields of each element of a `list`. */
  readonly items?: Readonly<Record<string, Field>>;
  /** What the producer makes of the value before it leaves. */
  readonly protect?: Protection | undefined;
  /** What the value is at the source, where a protection lands another text in its place. */
  readonly source?: { readonly type: FieldType; readonly maxLength: number } | undefined;
}

/** One million characters: longer than real values, and small enough that one record cannot fill the memory. */
export const DEFAULT_MAX_LENGTH = 1_000_000;

const TYPES = Object.keys(SCALAR_TYPES) as [ScalarType, ...ScalarType[]];

const TYPES_IN_WORDS = Object.entries(SCALAR_TYPES)
  .map(([type, { words }]) => `\`${type}\` (${words})`)
  .join(', ');

/** A name in the path may hold a line break. */
const SHORT = new RegExp(String.raw`^(${TYPES.join('|')})(\?)?(?:\s+(\$[\s\S]*))?$`);
const WANTED = `expected one of ${TYPES.join(', ')}, with a "?" behind it if it is optional and a path if its value lies elsewhere (string? $.customer.id), or { type: list, items: ... }`;

/** `string`, `string?`, `string? $.customer.id`. */
const shorthand = z
  .string()
  .regex(SHORT, WANTED)
  .check(({ value, issues }) => {
    const path = SHORT.exec(value)?.[3];
    const fault = path === undefined ? undefined : pathFault(path);
    if (fault !== undefined) issues.push({ code: 'custom', input: value, message: fault });
  })
  .transform((text): Field => {
    const [, type = '', mark, path] = SHORT.exec(text) ?? [];
    return {
      type: type as FieldType,
      optional: mark !== undefined,
      maxLength: DEFAULT_MAX_LENGTH,
      ...(path === undefined ? {} : { from: path }),
    };
  })
  .meta({
    id: 'FieldType',
    description: `The type of a field, with a "?" behind it if it is optional, and the path of its value if that lies elsewhere (\`string? $.customer.id\`): ${TYPES_IN_WORDS}`,
  });

/** Where a value comes from: what an entity says of a field, and an endpoint may say otherwise. */
export const sourceSettings = {
  from: pathSchema
    .optional()
    .describe(
      "Where the value lies in the raw record, if not under the field's own name; in an item of a list, from the item",
    ),
  unit: z
    .enum(UNITS, { error: `expected ${either(UNITS)}` })
    .optional()
    .describe('What a number counts since the beginning of 1970: seconds, milli-, micro- or nanoseconds'),
  format: z
    .string()
    .min(1)
    .optional()
    .describe('How a time is written, such as `dd/MM/yyyy HH:mm`; one without an offset is in UTC, or in `zone`'),
  zone: zoneSchema
    .optional()
    .describe('The time zone of a time that is written without an offset, and of the day that a moment is on'),
  value: z.string().min(1).optional().describe("A CEL expression that computes the value of the record's other fields"),
};

const common = {
  optional: z
    .boolean()
    .default(false)
    .describe(
      'Whether it may be absent, null or empty text, which all mean that it holds nothing; a "?" behind the type says the same',
    ),
  maxLength: z
    .int()
    .positive()
    .default(DEFAULT_MAX_LENGTH)
    .describe('The longest text that is accepted, in UTF-16 code units; a longer value is dead-lettered'),
};

const OPTIONAL_TYPES = TYPES.map((type) => `${type}?` as const);

const scalar = z
  .strictObject({
    type: z.literal([...TYPES, ...OPTIONAL_TYPES]).describe(TYPES_IN_WORDS),
    ...common,
    ...sourceSettings,
    protect: protectionSchema.optional(),
  })
  .check(({ value: field, issues }) => {
    const type = field.type.replace('?', '') as ScalarType;
    const { protect } = field;
    const isOptional = field.optional || field.type.endsWith('?');
    const fault = protect === undefined ? undefined : protectionFault(protect, type, isOptional);
    if (fault !== undefined) issues.push({ code: 'custom', input: protect, path: ['protect'], message: fault });
    const settings: readonly TypeSetting[] = SCALAR_TYPES[type].settings;
    for (const setting of ['unit', 'format', 'zone'] as const) {
      if (field[setting] === undefined || settings.includes(setting)) continue;
      const message = `a field of type ${type} has no ${setting}: that is for datetime and date`;
      issues.push({ code: 'custom', input: field[setting], path: [setting], message });
    }
  })
  .describe('A field that holds one value, with more settings than the short form has');

type Form = Omit<Field, 'type'> & { readonly type: string };

/** A "?" behind the type in the long form too. What is protected lands as text; nothing lands of what is dropped. */
function toField({ type: written, optional, ...form }: Form): Field {
  const type = written.replace('?', '') as FieldType;
  const own = { ...form, type, optional: optional || written.endsWith('?') };
  if (form.protect === undefined || form.protect.type === 'drop') return own;
  const { maxLength } = form;
  return { ...own, type: 'string', maxLength: longestProtected(maxLength), source: { type, maxLength } };
}

/** Base64 of UTF-8, with nonce, tag and the name of the key. */
const longestProtected = (maxLength: number): number => 4 * maxLength + 200;

const list = z
  .strictObject({
    type: z.literal(['list', 'list?']).describe('A list of objects'),
    ...common,
    from: sourceSettings.from,
    items: z
      .record(z.string(), z.union([shorthand, scalar.transform(toField)]))
      .describe('The fields of each object of the list'),
  })
  .describe("A list of objects, such as an order's lines");

/** `id: string`, `phone: string?`, `city: string? $.address.city`, or a mapping with a type and more. */
export const fieldSchema = z.union([shorthand, z.discriminatedUnion('type', [scalar, list]).transform(toField)]);

/** What an endpoint may say otherwise than its entity: where a value lies, or everything that a field may say of that. */
export const mapSchema = z.record(
  z.string(),
  z.union([pathSchema, z.strictObject(sourceSettings)], {
    error: "expected a path such as $.amount or ['any name'], or a mapping with from, unit, format, zone or value",
  }),
);

/** The fields of an entity as the records of an endpoint have them: what is protected has its own type there. */
export function mappedFields(
  fields: Readonly<Record<string, Field>>,
  map: z.output<typeof mapSchema>,
): Readonly<Record<string, Field>> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [name, { ...atSource(field), ...mappedSource(field, map[name]) }]),
  );
}

function atSource({ source, ...field }: Field): Field {
  const { items } = field;
  return { ...field, ...source, ...(items && { items: mappedFields(items, {}) }) };
}

/** A path alone changes where a value lies, and not how it is written there. */
function mappedSource({ unit, format, zone }: Field, mapped: string | FieldSource | undefined): FieldSource {
  if (mapped === undefined) return {};
  const none = { from: undefined, unit: undefined, format: undefined, zone: undefined, value: undefined };
  return typeof mapped === 'string' ? { ...none, unit, format, zone, from: mapped } : { ...none, ...mapped };
}

/** Whether any field is protected: then nothing else of the raw record may leave the producer either. */
export const protectsAny = (fields: Readonly<Record<string, Field>>): boolean =>
  Object.values(fields).some(
    ({ protect, items }) => protect !== undefined || (items !== undefined && protectsAny(items)),
  );
