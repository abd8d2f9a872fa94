import type { PipelineInput } from '@tributary/shared';

/** An entity as it is written under `entities:` of a pipeline file. */
export type EntityInput = PipelineInput['entities'][string];

type FieldInput = EntityInput['fields'][string];
/** The types of fields whose values are no list of objects, and what a record holds for each. */
interface Values {
  readonly string: string;
  /** Beyond 2^53 as a bigint. */
  readonly integer: number | bigint;
  readonly number: number;
  /** As text, so that every digit is kept; a number is taken too. */
  readonly decimal: string | number;
  readonly boolean: boolean;
  /** ISO 8601, or a date. */
  readonly datetime: string | Date;
  /** `2026-03-01`. */
  readonly date: string;
  readonly json: unknown;
}

/** `string?` of `string? $.customer.id`. */
type Named<F> = F extends `${infer Type} ${string}` ? Type : F extends { readonly type: infer Type } ? Type : F;
type Plain<Type> = Type extends `${infer Name}?` ? Name : Type;
type IsOptional<F> = Named<F> extends `${string}?` ? true : F extends { readonly optional: true } ? true : false;
type ValueOf<F> = F extends { readonly items: infer Items }
  ? readonly RecordOf<Items>[]
  : Plain<Named<F>> extends keyof Values
    ? Values[Plain<Named<F>>]
    : unknown;

type RecordOf<Fields> = {
  readonly [K in keyof Fields as IsOptional<Fields[K]> extends true ? never : K]: ValueOf<Fields[K]>;
} & {
  readonly [K in keyof Fields as IsOptional<Fields[K]> extends true ? K : never]?: ValueOf<Fields[K]> | null;
};

/** What a record of an entity holds. `EntityRecord<typeof post>`, where `post` was made by {@link defineEntity}. */
export type EntityRecord<E> = E extends { readonly fields: infer Fields } ? RecordOf<Fields> : never;

/** Says that a key is no more: the key's fields, and `_deleted`. */
export type Tombstone<E> = Partial<EntityRecord<E>> & { readonly _deleted: true };

/**
 * An entity as an object: what stands under its name in a pipeline file. It is given back as it is; its type holds what its records are.
 *
 * ```ts
 * const post = defineEntity({ dataset: 'posts', queue: 'posts', key: 'id', fields: { id: 'string', likes: 'integer?' } });
 * type Post = EntityRecord<typeof post>; // { id: string; likes?: number | bigint | null }
 * ```
 */
export const defineEntity = <const E extends EntityInput>(entity: E): E => entity;

/** An endpoint as it is written under `endpoints:` of a pipeline file. */
export type EndpointInput = PipelineInput['endpoints'][string];

/** An endpoint as an object, given back as it is: its settings are checked by the compiler, and once more when the pipeline starts. */
export const defineEndpoint = <const E extends EndpointInput>(endpoint: E): E => endpoint;

/** The entities of a pipeline that was given as an object; any, of one that is in a file. */
export type EntitiesOf<Config> = Config extends { readonly entities: infer Entities }
  ? Entities
  : Readonly<Record<string, { readonly fields: Readonly<Record<string, FieldInput>> }>>;
