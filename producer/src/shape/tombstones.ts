import { DELETED, type EntityConfig, type FieldType, keyFieldsOf, splitKey, versionOrder } from '@tributary/shared';

/**
 * Makes tombstones: canonical records that say that their key is no more. They hold the key, the version where the entity has one,
 * and `_deleted`, and travel as every other record does.
 */
export class Tombstones {
  readonly #keyFields: readonly string[];
  readonly #version: string | undefined;
  readonly #fields: EntityConfig['fields'];

  constructor(entity: EntityConfig) {
    this.#keyFields = keyFieldsOf(entity);
    this.#version = entity.version;
    this.#fields = entity.fields;
  }

  /** Of a record that is at hand. @param record in canonical form */
  of(record: Readonly<Record<string, unknown>>): Record<string, unknown> {
    const tombstone: Record<string, unknown> = {};
    for (const name of this.#keyFields) tombstone[name] = record[name];
    if (this.#version !== undefined) tombstone[this.#version] = record[this.#version];
    tombstone[DELETED] = true;
    return tombstone;
  }

  /**
   * Of a record that is gone.
   * @param version as orders have it (see versionOrder); '' without one
   */
  ofKey(key: string, version: string): Record<string, unknown> {
    const record: Record<string, unknown> = {};
    const parts = this.#keyFields.length === 1 ? [key] : splitKey(key);
    for (const [index, name] of this.#keyFields.entries()) record[name] = this.#value(name, parts[index] ?? '');
    if (this.#version !== undefined && version !== '') record[this.#version] = this.#versionOf(this.#version, version);
    return this.of(record);
  }

  #versionOf(name: string, order: string): unknown {
    if (this.#fields[name]?.type === 'datetime') return `${order}Z`;
    const isOfOrder = (version: string) => versionOrder(version, '').trimEnd() === order;
    // An order fills up digits, and leaves out a Z. A version of another order would be older than the row, so that the row stays, or
    // newer than the record when it comes back, so that it stays away.
    const version = [order.replace(/^0+(?=\d)/, ''), order, `${order}Z`].find(isOfOrder);
    return this.#value(name, version ?? order);
  }

  /** A whole number is one again where JSON can hold it exactly. Text in another form (`0x5`) was the key of a record that died. */
  #value(name: string, text: string): unknown {
    const type: FieldType | undefined = this.#fields[name]?.type;
    const number = Number(text);
    return type === 'integer' && Number.isSafeInteger(number) && String(number) === text ? number : text;
  }
}
