import { FatalError, isMapping } from '@tributary/shared';
import { parse } from 'yaml';
import type { Target } from '../ask/target.js';
import type { Draft, EndpointDraft, EntityDraft, Remark } from '../draft.js';
import type { Settings } from '../guess.js';
import { mergesIn } from '../merges.js';
import { namesOf } from '../names.js';
import { unfitness } from '../unfit.js';
import type { Parameter } from './likely-paging.js';
import { authOf } from './openapi-auth.js';
import { draftOfSample } from './sample.js';
import { madeUp, resolver } from './schema-sample.js';

export interface OpenApiOptions {
  /** JSON or YAML; OpenAPI 3 or Swagger 2. */
  readonly text: string;
  /** The file's name or address, for comments. */
  readonly from: string;
  /** The address that it was fetched from: a server without a host is there. */
  readonly base?: string | undefined;
  /** One operation alone, by its id or its path. */
  readonly operation?: string | undefined;
}

interface Operation {
  readonly path: string;
  readonly id: string | undefined;
  readonly parameters: readonly Readonly<Record<string, unknown>>[];
  /** The body of a good answer, made up. */
  readonly body: unknown;
}

/** What stands in the environment of a pipeline that is made of a description: nobody has given it yet. */
export interface DescribedDraft extends Draft {
  readonly wanted: readonly string[];
}

/**
 * Endpoints for all collections that an OpenAPI file describes, those of a collection's records as its children. Nothing is asked.
 * @throws FatalError if it is none, or describes no collection
 */
export function draftOfOpenApi({ text, from, base, operation }: OpenApiOptions): DescribedDraft {
  const document = parseDocument(text, from);
  const server = serverOf(document, base);
  const { auth, wanted } = authOf(document, server);
  const all = operationsOf(document).filter(
    ({ id, path }) => operation === undefined || id === operation || path === operation,
  );
  if (all.length === 0)
    throw new FatalError(
      'operation_unknown',
      operation === undefined
        ? `${from} describes no GET that answers with JSON`
        : `${from} has no GET operation "${operation}"`,
    );
  const entities: EntityDraft[] = [];
  const endpoints: EndpointDraft[] = [];
  const owners = new Map<string, { readonly id: string; readonly key: string }>();
  const notes: string[] = [
    `written from ${from}: nothing was asked or tried yet; \`tributary try ENDPOINT\` shows what comes`,
  ];
  const variables = new Set(wanted);
  for (const one of all.toSorted((a, b) => a.path.split('/').length - b.path.split('/').length)) {
    const drafted = endpointOf(one, { server, auth, from, owners, isAlone: operation !== undefined });
    if (typeof drafted === 'string') {
      notes.push(drafted);
      continue;
    }
    const { entity, endpoint, placeholders } = drafted;
    const isTaken = entities.some(({ name }) => name === entity.name);
    const prefix =
      endpoint.settings.parent === undefined
        ? ''
        : `${String((endpoint.settings.parent as Settings).endpoint).replaceAll('-', '_')}_`;
    const own =
      isTaken || prefix !== ''
        ? { ...entity, name: `${prefix}${entity.name}`, dataset: `${prefix}${entity.dataset}` }
        : entity;
    const id = prefix === '' ? endpoint.id : `${prefix.replaceAll('_', '-')}${endpoint.id}`;
    if (entities.some(({ name }) => name === own.name)) {
      notes.push(
        `left out: ${one.path}, whose records are called like those of another address; --operation takes it alone`,
      );
      continue;
    }
    const described = { entity: own, endpoint: { ...endpoint, id, entity: own.name } };
    const needed = [...wanted, ...placeholders];
    const why = unfitness(described, Object.fromEntries(needed.map((name) => [name, 'unset'])));
    if (why !== undefined) {
      notes.push(`left out: ${one.path}, since ${why}`);
      continue;
    }
    for (const name of placeholders) variables.add(name);
    entities.push(own);
    endpoints.push(described.endpoint);
    const column = own.columns.find(({ name }) => name === own.key[0]);
    if (own.key.length === 1 && column?.steps.length === 1) owners.set(one.path, { id, key: String(column.steps[0]) });
  }
  if (endpoints.length === 0)
    throw new FatalError(
      'records_none',
      `${from} describes no collection of records that can be polled by itself. ${notes.slice(1).join('. ')}`,
    );
  return {
    title: from,
    entities,
    endpoints,
    notes: [...notes, ...mergesIn(entities)],
    secrets: {},
    wanted: [...variables],
  };
}

interface Around {
  readonly server: string;
  readonly auth: Settings | undefined;
  readonly from: string;
  /** The endpoints of the collections, by their paths. */
  readonly owners: ReadonlyMap<string, { readonly id: string; readonly key: string }>;
  /** It was asked for by its name, so that what its path needs comes from the environment. */
  readonly isAlone: boolean;
}

function endpointOf({ path, parameters, body }: Operation, { server, auth, from, owners, isAlone }: Around) {
  const named = [...path.matchAll(/\{([^{}]+)\}/g)].map(([, name = '']) => name);
  const above = path.replace(/\/\{[^{}]+\}\/[^{}]*$/, '');
  const owner = named.length === 1 ? owners.get(above) : undefined;
  if (named.length > 0 && path.endsWith('}')) return `left out: ${path}, one record`;
  if (named.length > 0 && owner === undefined && !isAlone)
    return `left out: ${path}, which needs ${named.join(' and ')}; --operation takes it with variables`;
  const required = parameters
    .filter(({ in: place, required: must }) => place === 'query' && must === true)
    .map(({ name }) => String(name));
  const placeholders: string[] = [];
  const variable = (name: string) => {
    const upper = variableOf(name);
    placeholders.push(upper);
    return `\${${upper}}`;
  };
  const filled = path.replaceAll(/\{([^{}]+)\}/g, (_all, name: string) =>
    owner === undefined ? variable(name) : `{{parent.${owner.key}}}`,
  );
  const query = required.map((name) => `${encodeURIComponent(name)}=${variable(name)}`).join('&');
  const target: Target = {
    url: `${server}${filled}${query === '' ? '' : `?${query}`}`,
    method: 'GET',
    headers: {},
    auth,
  };
  let draft: Draft;
  try {
    draft = draftOfSample({
      text: JSON.stringify(body),
      target,
      from: `${from}, GET ${path}`,
      parameters: parametersOf(parameters),
      name: namesOf(path, undefined, undefined).dataset,
    });
  } catch (error) {
    if (!(error instanceof FatalError)) throw error;
    return `left out: ${path}, ${error.message}`;
  }
  const [entity] = draft.entities;
  const [endpoint] = draft.endpoints;
  if (entity === undefined || endpoint === undefined || endpoint.settings.as === 'single')
    return `left out: ${path}, which answers with one object`;
  const since = entity.version === undefined ? undefined : sinceOf(parameters);
  const remarks: Record<string, Remark> = { ...endpoint.remarks };
  if (since !== undefined)
    remarks.incremental = {
      text: `\`${since}\` should ask for changes only, by its name and description; not tried`,
      isSure: false,
    };
  if (owner !== undefined)
    remarks.parent = { text: `asked for each record of ${owner.id}, within its run`, isSure: true };
  const settings = {
    ...(owner === undefined ? {} : { parent: { endpoint: owner.id } }),
    ...endpoint.settings,
    ...(since === undefined ? {} : { incremental: { parameter: since } }),
  };
  return { entity, endpoint: { ...endpoint, settings, remarks, records: [] }, placeholders };
}

/** A name of a variable for a parameter, whatever that is called. */
function variableOf(name: string): string {
  const upper = name
    .replaceAll(/([a-z])([A-Z])/g, '$1_$2')
    .replaceAll(/\W+/g, '_')
    .toUpperCase();
  return /^[A-Z_]*[A-Z]/.test(upper) ? upper : `PARAMETER${upper.startsWith('_') || upper === '' ? '' : '_'}${upper}`;
}

const parametersOf = (parameters: Operation['parameters']): Parameter[] =>
  parameters
    .filter(({ in: place }) => place === 'query')
    .map(({ name, schema, maximum, default: usual }) => {
      const { maximum: most, default: given } = isMapping(schema) ? schema : { maximum, default: usual };
      const found = typeof most === 'number' ? most : typeof given === 'number' ? given : undefined;
      return { name: String(name), most: found };
    });

const SINCE =
  /(^|_)since$|Since$|(updated|modified|changed).*(after|from|gte|gt|min|start)|(after|from|min).*(updated|modified|changed)/i;

function sinceOf(parameters: Operation['parameters']): string | undefined {
  const found = parameters.find(({ in: place, name }) => place === 'query' && SINCE.test(String(name)));
  return found === undefined ? undefined : String(found.name);
}

function parseDocument(text: string, from: string): Readonly<Record<string, unknown>> {
  let document: unknown;
  try {
    document = parse(text, { maxAliasCount: 1_000 });
  } catch (cause) {
    throw new FatalError('openapi_invalid', `${from} is neither JSON nor YAML`, { cause });
  }
  if (isMapping(document) && isMapping(document.paths)) return document;
  throw new FatalError('openapi_invalid', `${from} is no OpenAPI file: it has no paths`);
}

function serverOf(
  { servers, host, basePath, schemes }: Readonly<Record<string, unknown>>,
  base: string | undefined,
): string {
  const [first] = Array.isArray(servers) ? servers : [];
  const scheme = Array.isArray(schemes) && !schemes.includes('https') ? 'http' : 'https';
  const { url = '', variables } = isMapping(first) ? first : {};
  const own =
    typeof host === 'string' ? `${scheme}://${host}${typeof basePath === 'string' ? basePath : ''}` : String(url);
  const filled = own.replaceAll(/\{(\w+)\}/g, (all, name: string) => {
    const variable = isMapping(variables) ? variables[name] : undefined;
    return isMapping(variable) ? String(variable.default) : all;
  });
  const whole = /^https?:\/\//.test(filled)
    ? filled
    : base === undefined
      ? `https://api.example.org${filled}`
      : new URL(filled === '' ? '/' : filled, base).href;
  return whole.replace(/\/+$/, '');
}

function operationsOf(document: Readonly<Record<string, unknown>>): Operation[] {
  const resolve = resolver(document);
  return Object.entries(document.paths as Record<string, unknown>).flatMap(([path, item]) => {
    const { get, parameters: shared } = resolve(item);
    if (!isMapping(get)) return [];
    const own = [
      ...(Array.isArray(shared) ? shared : []),
      ...(Array.isArray(get.parameters) ? get.parameters : []),
    ].map(resolve);
    const responses = isMapping(get.responses) ? get.responses : {};
    const answer = resolve(responses['200'] ?? responses['2XX'] ?? responses.default);
    const content = isMapping(answer.content) ? Object.entries(answer.content) : [];
    const json = content.find(([type]) => /json/.test(type))?.[1];
    const schema = isMapping(json) ? json.schema : answer.schema;
    if (schema === undefined) return [];
    return [
      {
        path,
        id: typeof get.operationId === 'string' ? get.operationId : undefined,
        parameters: own,
        body: madeUp(schema, resolve, 'body'),
      },
    ];
  });
}
