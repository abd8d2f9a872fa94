import { isMapping } from '@tributary/shared';

/** A JSON schema of OpenAPI, with its references. */
type Schema = Readonly<Record<string, unknown>>;

const DEEPEST = 7;
/** As many records are made up as make a key stand out. */
const COPIES = 4;

/** Finds what `{"$ref": "#/components/schemas/Order"}` names. */
export const resolver =
  (document: unknown) =>
  (value: unknown): Schema => {
    let found = value;
    for (let depth = 0; depth < 20 && isMapping(found) && typeof found.$ref === 'string'; depth++) {
      const steps = found.$ref.replace(/^#\//, '').split('/');
      found = steps.reduce<unknown>(
        (at, step) => (isMapping(at) ? at[step.replaceAll('~1', '/').replaceAll('~0', '~')] : undefined),
        document,
      );
    }
    return isMapping(found) ? found : {};
  };

/**
 * A value that a schema allows, made up so that it tells types, times and ids: what is found in real answers is found in it too.
 * @param number of the record, so that ids differ
 */
export function madeUp(
  given: unknown,
  resolve: (value: unknown) => Schema,
  name: string,
  number = 1,
  depth = 0,
): unknown {
  const schema = resolve(given);
  const parts = ['allOf', 'oneOf', 'anyOf'].flatMap((word) =>
    Array.isArray(schema[word]) ? [[word, schema[word] as unknown[]] as const] : [],
  );
  for (const [word, all] of parts) {
    if (word === 'allOf')
      return madeUp({ ...merged([schema, ...all.map(resolve)]), allOf: undefined }, resolve, name, number, depth);
    const first = all.find((one) => resolve(one).type !== 'null');
    return madeUp(first, resolve, name, number, depth);
  }
  const type = Array.isArray(schema.type) ? schema.type.find((one) => one !== 'null') : schema.type;
  if (depth > DEEPEST) return null;
  if (type === 'array') {
    const items = Array.from({ length: depth < 4 && isListed(schema, resolve) ? COPIES : 2 }, (_, index) =>
      madeUp(schema.items, resolve, name, number * 10 + index, depth + 1),
    );
    return items;
  }
  if (type === 'object' || isMapping(schema.properties)) {
    const properties = isMapping(schema.properties) ? schema.properties : {};
    return Object.fromEntries(
      Object.entries(properties).map(([key, one]) => [key, madeUp(one, resolve, key, number, depth + 1)]),
    );
  }
  return scalarOf(schema, String(type ?? 'string'), name, number);
}

const isListed = (schema: Schema, resolve: (value: unknown) => Schema): boolean => {
  const items = resolve(schema.items);
  return items.type === 'object' || isMapping(items.properties) || Array.isArray(items.allOf);
};

const merged = (schemas: readonly Schema[]): Schema => ({
  ...Object.assign({}, ...schemas),
  properties: Object.assign({}, ...schemas.map(({ properties }) => properties ?? {})),
});

const TOTAL = /^(total|count|total_?(count|records|items|results))$/i;

function scalarOf(schema: Schema, type: string, name: string, number: number): unknown {
  const moment = new Date(Date.UTC(2024, 4, 1, 0, number)).toISOString();
  if (type === 'integer' && TOTAL.test(name)) return 1_000;
  if (type === 'integer')
    return /unix|epoch|_at$|timestamp/i.test(`${schema.format ?? ''} ${name}`) ? 1_714_550_400 + number : number;
  if (type === 'number') return number + 0.5;
  if (type === 'boolean') return true;
  if (schema.format === 'date-time' || (schema.format === undefined && /(_at|At|_time|Timestamp)$/.test(name)))
    return moment;
  if (schema.format === 'date') return moment.slice(0, 10);
  const isUrl = /^(uri|url|uri-reference|iri)$/.test(String(schema.format)) || /(^|_)(url|uri|href|link)$/i.test(name);
  const isNextUrl =
    /next/i.test(name) &&
    !/token|cursor/i.test(name) &&
    /\burl|\buri|\blink/i.test(`${schema.description ?? ''} ${schema.example ?? ''}`);
  if (isUrl || isNextUrl) return `https://api.example.org/${name}/${number}`;
  if (Array.isArray(schema.enum)) return schema.enum[0];
  if (typeof schema.example === 'string' && /^-?\d+\.\d+$/.test(schema.example)) return `${number}.50`;
  return `${name}-${number}`;
}
