import { z } from 'zod';
import { isMapping } from '../../records/own-value.js';
import { either } from '../../words.js';

/** One kind of a choice in the pipeline file, such as the paging `cursor`. */
export interface Kind {
  /** One line for people: what it is, or when to choose it. */
  readonly words: string;
  /** Its settings, beside the one that names the kind. */
  readonly settings: z.core.$ZodShape;
}

/** Under this name a choice's schema lists the settings that every kind has, for the page of settings. */
export const COMMON = 'x-common';

export type KindTable = Readonly<Record<string, Kind>>;

type NameOf<Table extends KindTable> = keyof Table & string;

type OptionOf<By extends string, Table extends KindTable, Common> = {
  [K in NameOf<Table>]: z.ZodObject<{ [B in By]: z.ZodLiteral<K> } & Common & Table[K]['settings'], z.core.$strict>;
}[NameOf<Table>];

/** The names of the kinds, in the order of their table. */
export const namesOf = <Table extends KindTable>(table: Table) =>
  Object.keys(table) as [NameOf<Table>, ...NameOf<Table>[]];

/** `expected csv or postgres`: what is said of a name that is not in the table. */
export const expectedName = (table: KindTable): string => `expected ${either(Object.keys(table))}`;

/** A setting that is only the name of a kind. */
export const nameSchema = <Table extends KindTable>(table: Table) =>
  z.enum(namesOf(table), { error: expectedName(table) });

interface ChoiceOptions<Table extends KindTable, Common> {
  /** The setting that names the kind, `type` unless given. */
  readonly by?: string;
  /** The kind of a value that does not name one; without it, the name is required. */
  readonly usual?: NameOf<Table>;
  /** Settings that every kind has. */
  readonly common?: Common;
}

/**
 * The schema of a choice between kinds, made from their table, so that no second list of the kinds exists. A kind with no
 * settings of its own is a mapping all the same: `{ type: none }`.
 */
export function choiceOf<
  Table extends KindTable,
  const By extends string = 'type',
  // biome-ignore lint/complexity/noBannedTypes: no common settings is an empty shape
  Common extends z.core.$ZodShape = {},
>(table: Table, options: ChoiceOptions<Table, Common> & { readonly by?: By } = {}) {
  const by = options.by ?? 'type';
  const expected = either(Object.keys(table));
  const schemas = Object.entries(table).map(([kind, { words, settings }]) => {
    const literal = kind === options.usual ? z.literal(kind).optional().default(kind) : z.literal(kind);
    return z.strictObject({ [by]: literal.describe(words), ...options.common, ...settings }).describe(words);
  });
  type Option = OptionOf<By, Table, Common>;
  const choice = z.discriminatedUnion(by as By, schemas as [Option, ...Option[]], {
    error: ({ input }) =>
      isMapping(input)
        ? `expected a ${by}: ${expected}`
        : `expected a mapping such as { ${by}: ${Object.keys(table)[0]} }, with a ${by}: ${expected}`,
  });
  return choice.meta({ [COMMON]: Object.keys(options.common ?? {}) });
}

/** For each kind a section with its settings, for a choice whose file may hold the settings of several kinds. */
export function sectionsOf<Table extends KindTable>(table: Table) {
  const sections = Object.entries(table).map(([kind, { words, settings }]) => [
    kind,
    z.strictObject(settings).prefault({}).describe(words),
  ]);
  return Object.fromEntries(sections) as {
    [K in NameOf<Table>]: z.ZodPrefault<z.ZodObject<Table[K]['settings'], z.core.$strict>>;
  };
}
