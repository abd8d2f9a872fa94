/**
 * What lies at a path such as `$.data.items` in a JSON body; undefined if the path leads nowhere. Only the body's own
 * properties count, so that no path reaches into a prototype.
 */
export function valueAt(body: unknown, path: string): unknown {
  let value = body;
  for (const name of path.split('.').slice(1)) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}
