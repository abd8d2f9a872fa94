/**
 * What a record itself holds under a name. An API may well call a field `constructor` or `valueOf`, and a plain read finds
 * those on every object.
 */
export function ownValue(record: object | null | undefined, name: string): unknown {
  if (record === null || record === undefined || !Object.hasOwn(record, name)) return undefined;
  return (record as Readonly<Record<string, unknown>>)[name];
}

/** The same record without what every object inherits, for libraries that read plainly. */
export function withoutInherited(record: unknown): unknown {
  if (record === null || typeof record !== 'object' || Array.isArray(record)) return record;
  return Object.assign(Object.create(null), record);
}
