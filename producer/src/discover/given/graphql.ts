import { FatalError, isMapping } from '@tributary/shared';
import type { Reader } from '../ask/reader.js';
import type { Settings } from '../guess.js';

/** What a GraphQL server says of its types; spaces between the braces, since two together begin a placeholder. */
const INTROSPECTION = `query {
  __schema {
    queryType { name }
    types { kind name fields { name args { name defaultValue type { ...T } } type { ...T } } }
  }
}
fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }`;

interface TypeRef {
  readonly kind: string;
  readonly name: string | null;
  readonly ofType?: TypeRef | null;
}

interface SchemaField {
  readonly name: string;
  readonly args: readonly { readonly name: string; readonly defaultValue: unknown; readonly type: TypeRef }[];
  readonly type: TypeRef;
}

interface Types {
  readonly query: readonly SchemaField[];
  fieldsOf(name: string | null): readonly SchemaField[];
}

/** A query that was made of what a server says of itself. */
export interface MadeQuery {
  readonly settings: Settings;
  /** The field of the query that gives the records. */
  readonly field: string;
  /** Others that could be asked for. */
  readonly others: readonly string[];
}

/**
 * Asks a GraphQL server what it has, and writes a query for one of its collections, page by page where it has connections.
 * @param wanted the collection; the first that needs nothing unless given
 * @throws FatalError if the server does not say, or has no collection that needs nothing
 */
export async function madeQuery(base: Settings, wanted: string | undefined, reader: Reader): Promise<MadeQuery> {
  const { body: _body, form: _form, method: _method, ...request } = base;
  const asked = { ...request, graphql: { query: INTROSPECTION }, items: '$.data.__schema', as: 'single' };
  const { pages, error } = await reader.read(asked, { pages: 1 });
  const types = typesOf(pages[0]?.[0]);
  if (types === undefined) {
    const why = error === undefined ? 'it says nothing of its types' : error.message.replace(/^discover: page 1, /, '');
    throw new FatalError(
      'graphql_unknown',
      `the server does not tell what it has (introspection): ${why}. Give a query of your own, as the curl line that sends it`,
    );
  }
  const usable = types.query.flatMap((field) => {
    const query = queryFor(field, types);
    return query === undefined ? [] : [{ field: field.name, ...query }];
  });
  const ordered = usable.toSorted((a, b) => Number(b.isPaged) - Number(a.isPaged));
  const chosen = wanted === undefined ? ordered[0] : ordered.find(({ field }) => field === wanted);
  if (chosen === undefined) {
    const known =
      ordered.length === 0
        ? 'it has no collection that needs no arguments'
        : `it has ${ordered.map(({ field }) => field).join(', ')}`;
    throw new FatalError(
      'graphql_unknown',
      `${wanted === undefined ? '' : `there is no collection "${wanted}"; `}${known}. Give a query of your own, as the curl line that sends it`,
    );
  }
  const settings = { ...request, graphql: { query: chosen.query } };
  return {
    settings,
    field: chosen.field,
    others: ordered.map(({ field }) => field).filter((field) => field !== chosen.field),
  };
}

function typesOf(schema: unknown): Types | undefined {
  if (!isMapping(schema) || !Array.isArray(schema.types) || !isMapping(schema.queryType)) return undefined;
  const byName = new Map(schema.types.filter(isMapping).map(({ name, fields }) => [String(name), fieldsIn(fields)]));
  return { query: byName.get(String(schema.queryType.name)) ?? [], fieldsOf: (name) => byName.get(name ?? '') ?? [] };
}

/** Those that are as GraphQL has them. */
const fieldsIn = (fields: unknown): readonly SchemaField[] =>
  (Array.isArray(fields) ? fields : []).filter(
    (field): field is SchemaField =>
      isMapping(field) &&
      typeof field.name === 'string' &&
      isMapping(field.type) &&
      Array.isArray(field.args) &&
      field.args.every((arg: unknown) => isMapping(arg) && typeof arg.name === 'string' && isMapping(arg.type)),
  );

/** Behind "not null" and "a list of". */
function bare(type: TypeRef): TypeRef & { readonly isList: boolean } {
  let found = type;
  let isList = false;
  for (; found.ofType !== undefined && found.ofType !== null; found = found.ofType) isList ||= found.kind === 'LIST';
  return { ...found, isList: isList || found.kind === 'LIST' };
}

const needs = ({ args }: SchemaField): boolean =>
  args.some(({ type, defaultValue }) => type.kind === 'NON_NULL' && defaultValue === null);
const isScalar = ({ kind }: TypeRef): boolean => kind === 'SCALAR' || kind === 'ENUM';
const SINCE = /^(since|updated_?(after|since|from)|modified_?(after|since)|changed_?(after|since))$/i;

function queryFor(field: SchemaField, types: Types): { readonly query: string; readonly isPaged: boolean } | undefined {
  if (needs(field)) return undefined;
  const type = bare(field.type);
  const own = types.fieldsOf(type.name);
  const has = (name: string) => own.find((one) => one.name === name);
  const nodes = has('nodes') ?? has('edges');
  const isPaged = nodes !== undefined && has('pageInfo') !== undefined;
  if (!isPaged && !type.isList) return undefined;
  const node = isPaged ? nodeOf(nodes, types) : type.name;
  const selected = selection(node, types, 0);
  if (selected === '') return undefined;
  const arg = (name: RegExp) => field.args.find((one) => name.test(one.name));
  const [after, first, since] = [arg(/^after$/), arg(/^first$/), arg(SINCE)];
  const declared = [
    ...(after === undefined ? [] : [`$after: ${bare(after.type).name}`]),
    ...(since === undefined ? [] : [`$since: ${bare(since.type).name}`]),
  ];
  const given = [
    ...(first === undefined ? [] : ['first: 100']),
    ...(after === undefined ? [] : ['after: $after']),
    ...(since === undefined ? [] : [`${since.name}: $since`]),
  ];
  const head = declared.length === 0 ? 'query' : `query (${declared.join(', ')})`;
  const called = given.length === 0 ? field.name : `${field.name}(${given.join(', ')})`;
  const inner = nodes?.name === 'edges' ? `edges { node { ${selected} } }` : `nodes { ${selected} }`;
  const body = isPaged ? `pageInfo { hasNextPage endCursor }\n    ${inner}` : selected;
  return { query: `${head} {\n  ${called} {\n    ${body}\n  }\n}`, isPaged };
}

function nodeOf(nodes: SchemaField, types: Types): string | null {
  if (nodes.name === 'nodes') return bare(nodes.type).name;
  const node = types.fieldsOf(bare(nodes.type).name).find(({ name }) => name === 'node');
  return node === undefined ? null : bare(node.type).name;
}

/** Of an object within a record what names it is enough. */
const NAMING = /^(id|name|title|login|key|email|code|slug|number)$/i;
const MOST = 60;

function selection(name: string | null, types: Types, depth: number): string {
  const fields = types.fieldsOf(name).filter((field) => !needs(field));
  const scalars = fields
    .filter(({ type, name: own }) => isScalar(bare(type)) && (depth === 0 || NAMING.test(own)))
    .map((field) => field.name);
  if (depth > 0) return scalars.slice(0, 4).join(' ');
  const objects = fields.flatMap((field) => {
    const type = bare(field.type);
    const inner =
      type.kind === 'OBJECT' && !type.isList && !/Connection$/.test(type.name ?? '')
        ? selection(type.name, types, depth + 1)
        : '';
    return inner === '' ? [] : [`${field.name} { ${inner} }`];
  });
  return [...scalars, ...objects].slice(0, MOST).join(' ');
}
