/** Whether a value is what JSON calls an object and YAML a mapping: names with values. */
export const isMapping = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * What a record itself holds under a name. An API may call a field `constructor` or `valueOf`, and a plain read finds these on
 * every object.
 */
export function ownValue(record: object | null | undefined, name: string): unknown {
  if (record === null || record === undefined || !Object.hasOwn(record, name)) return undefined;
  return (record as Readonly<Record<string, unknown>>)[name];
}
