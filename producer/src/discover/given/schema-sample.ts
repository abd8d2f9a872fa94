import { isMapping } from '@tributary/shared';

/** A JSON schema of OpenAPI, with its references. */
type Schema = Readonly<Record<string, unknown>>;

const DEEPEST = 7;
/** Schemas that are one of others, or all of them, one behind the other. */
const LONGEST_CHAIN = 30;
/** Values that are made up of one schema: schemas that hold themselves in many ways have a value for each way to their depth. */
const MOST_VALUES = 20_000;
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
 * A value that a schema allows, made up so that it tells types, times and ids: what is found in real answers is found in it too. Where it
 * would be a large one, what is deep inside is left out.
 */
export function madeUp(schema: unknown, resolve: (value: unknown) => Schema, name: string): unknown {
  for (let deepest = DEEPEST; ; deepest--) {
    const bounds = { deepest, left: MOST_VALUES };
    const made = valueAllowed(schema, resolve, name, { number: 1, depth: 0, chain: 0, bounds });
    if (bounds.left > 0 || deepest === 0) return made;
  }
}

interface At {
  /** Of the record, so that ids differ. */
  readonly number: number;
  readonly depth: number;
  readonly chain: number;
  readonly bounds: { readonly deepest: number; left: number };
}

function valueAllowed(given: unknown, resolve: (value: unknown) => Schema, name: string, at: At): unknown {
  const { number, depth, chain, bounds } = at;
  bounds.left -= 1;
  if (bounds.left <= 0 || chain > LONGEST_CHAIN) return null;
  const schema = resolve(given);
  const parts = ['allOf', 'oneOf', 'anyOf'].flatMap((word) =>
    Array.isArray(schema[word]) ? [[word, schema[word] as unknown[]] as const] : [],
  );
  const linked = { ...at, chain: chain + 1 };
  for (const [word, all] of parts) {
    if (word === 'allOf')
      return valueAllowed({ ...merged([schema, ...all.map(resolve)]), allOf: undefined }, resolve, name, linked);
    const first = all.find((one) => resolve(one).type !== 'null');
    return valueAllowed(first, resolve, name, linked);
  }
  const type = Array.isArray(schema.type) ? schema.type.find((one) => one !== 'null') : schema.type;
  if (depth > bounds.deepest) return null;
  if (type === 'array') {
    const items = Array.from({ length: depth < 4 && isListed(schema, resolve) ? COPIES : 2 }, (_, index) =>
      valueAllowed(schema.items, resolve, name, { ...at, chain: 0, number: number * 10 + index, depth: depth + 1 }),
    );
    return items;
  }
  if (type === 'object' || isMapping(schema.properties)) {
    const properties = isMapping(schema.properties) ? schema.properties : {};
    return Object.fromEntries(
      Object.entries(properties).map(([key, one]) => [
        key,
        valueAllowed(one, resolve, key, { ...at, chain: 0, depth: depth + 1 }),
      ]),
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
