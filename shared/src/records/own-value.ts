/** Whether a value is what JSON calls an object and YAML a mapping: names with values. */
export const isMapping = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** {@link ownValue} of one name, compiled once: nearly no name is one that every object has, and then a plain read finds the same. */
export function compileOwnValue(name: string): (record: object | null | undefined) => unknown {
  if (name in Object.prototype) return (record) => ownValue(record, name);
  return (record) => (record as Readonly<Record<string, unknown>> | null | undefined)?.[name];
}

/**
 * What a record itself holds under a name. An API may call a field `constructor` or `valueOf`, and a plain read finds these on
 * every object.
 */
export function ownValue(record: object | null | undefined, name: string): unknown {
  if (record === null || record === undefined || !Object.hasOwn(record, name)) return undefined;
  return (record as Readonly<Record<string, unknown>>)[name];
}
