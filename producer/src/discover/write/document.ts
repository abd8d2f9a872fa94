import { FatalError } from '@tributary/shared';
import { Document, isMap, parseDocument, Scalar, YAMLMap } from 'yaml';
import type { Draft, EndpointDraft, EntityDraft, Remark, Remarks } from '../draft.js';
import { freeName, tablesOfDataset } from '../names.js';
import { fieldsNode } from './fields.js';

/** Comments are wrapped before this column. */
const WIDTH = 110;

/** The order in which the settings of an endpoint stand in the file. */
const ORDER = [
  'source',
  'path',
  'parent',
  'url',
  'method',
  'query',
  'headers',
  'auth',
  'entity',
  'format',
  'graphql',
  'form',
  'body',
  'table',
  'items',
  'as',
  'within',
  'header',
  'paging',
  'incremental',
  'deletes',
  'schedule',
];
/** Told in the block itself, since a line would be too long. */
const BLOCKS: readonly string[] = ['auth', 'graphql', 'body', 'query', 'headers', 'form'];

export interface Written {
  readonly text: string;
  /** The names of the endpoints as they stand in the file. */
  readonly endpoints: readonly string[];
}

/**
 * The text of a pipeline file with what was found out.
 * @param existing the text of the file that is there: everything in it stays, comments too
 * @param schema where editors find the schema of the file
 * @throws FatalError if the file that is there cannot be added to
 */
export function pipelineText(draft: Draft, existing: string | undefined, schema: string): Written {
  const document = existing === undefined ? new Document({}) : parseDocument(existing);
  if (document.errors.length > 0 || !isMap(document.contents)) {
    throw new FatalError(
      'file_unusable',
      'the file that is there is no pipeline file, so nothing can be added to it; name another with --config',
    );
  }
  if (existing === undefined)
    document.commentBefore = [
      ` yaml-language-server: $schema=${schema}`,
      ...wrap(`${draft.title}: written by \`tributary discover\`. What is marked "unsure" wants a look.`, 0),
      ...draft.notes.flatMap((note) => wrap(`${note}.`, 0)),
    ].join('\n');
  const named = withFreeNames(draft, document);
  for (const entity of named.entities) add(document, ['entities', entity.name], entityNode(entity));
  for (const endpoint of named.endpoints) add(document, ['endpoints', endpoint.id], endpointNode(endpoint));
  if (draft.limits !== undefined && !document.hasIn(['limits', 'hosts', draft.limits.host])) {
    const { host, requestsPerSecond, reason } = draft.limits;
    const node = document.createNode({ requestsPerSecond }, { flow: true });
    node.comment = ` ${reason}`;
    document.setIn(['limits', 'hosts', host], node);
  }
  // The library puts blanks into both kinds of brackets, people only into braces.
  const text = document
    .toString({ lineWidth: 0, flowCollectionPadding: true })
    .replaceAll(/\[ ([^[\]"'\n]*) \]/g, '[$1]');
  return { text: existing === undefined ? spaced(text) : text, endpoints: named.endpoints.map(({ id }) => id) };
}

/** An empty line between the parts. */
const spaced = (text: string): string =>
  text
    .replaceAll(/\n(entities|endpoints|limits):/g, (all, name: string, at: number) =>
      at === 0 || name === 'entities' ? all : `\n\n${name}:`,
    )
    .replace(/\n{3,}/g, '\n\n');

/** The queue that an entity's records travel through. */
const queueOf = ({ dataset }: Pick<EntityDraft, 'dataset'>): string => `${dataset}_data`;

function entityNode(entity: EntityDraft): YAMLMap {
  const map = new YAMLMap();
  const put = putter(map, entity.remarks, 4);
  put('dataset', new Scalar(entity.dataset));
  put('queue', new Scalar(queueOf(entity)));
  put('key', entity.key.length === 1 ? new Scalar(entity.key[0]) : flow(entity.key));
  if (entity.version !== undefined) put('version', new Scalar(entity.version));
  put('fields', fieldsNode(entity));
  return map;
}

function endpointNode({ settings, entity, remarks }: EndpointDraft): YAMLMap {
  const map = new YAMLMap();
  const all: Readonly<Record<string, unknown>> = {
    ...settings,
    entity,
    ...(settings.parent === undefined ? { schedule: settings.schedule ?? { every: '5m' } } : {}),
  };
  const put = putter(
    map,
    {
      ...remarks,
      ...(all.paging === undefined && remarks.paging !== undefined ? { schedule: remarks.paging } : {}),
      ...(all.items === undefined && remarks.items !== undefined && all.as !== undefined ? { as: remarks.items } : {}),
    },
    4,
  );
  const rank = (name: string) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);
  for (const [name, value] of Object.entries(all).toSorted(([a], [b]) => rank(a) - rank(b))) {
    if (value !== undefined)
      put(
        name,
        BLOCKS.includes(name) && JSON.stringify(value).length > 90 ? new Document(value).contents : flow(value),
      );
  }
  return map;
}

/** Whatever it is, on one line. */
function flow(value: unknown): unknown {
  return new Document().createNode(value, { flow: true });
}

/** Puts a setting with the comment that belongs to it before it. */
function putter(map: YAMLMap, remarks: Remarks, indent: number) {
  return (name: string, value: unknown): void => {
    const key = new Scalar(name);
    const remark = remarks[name];
    if (remark !== undefined) key.commentBefore = wrap(said(remark), indent).join('\n');
    map.set(key, value);
  };
}

const said = ({ text, isSure }: Remark): string => (isSure ? text : `unsure: ${text}`);

/** A comment in lines, each with the blank that stands behind the mark. */
function wrap(text: string, indent: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.replaceAll(/\s+/g, ' ').split(' ')) {
    if (line !== '' && line.length + word.length + indent > WIDTH) {
      lines.push(line);
      line = '';
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}

function add(document: Document.Parsed | Document, path: readonly string[], node: unknown): void {
  document.setIn(path, node);
}

/** Names that the file does not have yet: what is there stays. A name that is free for one is taken for the next. */
function withFreeNames(draft: Draft, document: Document.Parsed | Document): Pick<Draft, 'entities' | 'endpoints'> {
  const all = (path: string) =>
    Object.entries((document.toJS()?.[path] ?? {}) as Record<string, Record<string, unknown>>);
  const there = all('entities');
  const names = new Set(there.map(([name]) => name));
  const tables = new Set(there.flatMap(([, entity]) => tablesOfDataset(String(entity?.dataset))));
  const queues = new Set(there.map(([, entity]) => entity?.queue));
  const renamed = new Map<string, string>();
  const entities = draft.entities.map((entity) => {
    const name = freeName(entity.name, (one) => names.has(one));
    const dataset = freeName(
      entity.dataset,
      (one) => tablesOfDataset(one).some((table) => tables.has(table)) || queues.has(queueOf({ dataset: one })),
    );
    names.add(name);
    for (const table of tablesOfDataset(dataset)) tables.add(table);
    renamed.set(entity.name, name);
    return { ...entity, name, dataset };
  });
  const taken = new Set(all('endpoints').map(([id]) => id));
  const ids = new Map<string, string>();
  for (const { id } of draft.endpoints) {
    const own = freeName(id, (one) => taken.has(one));
    taken.add(own);
    ids.set(id, own);
  }
  const endpoints = draft.endpoints.map((endpoint) => {
    const { parent } = endpoint.settings as { readonly parent?: { readonly endpoint: string } };
    const above = parent === undefined ? {} : { parent: { endpoint: ids.get(parent.endpoint) ?? parent.endpoint } };
    return {
      ...endpoint,
      id: ids.get(endpoint.id) ?? endpoint.id,
      entity: renamed.get(endpoint.entity) ?? endpoint.entity,
      settings: { ...endpoint.settings, ...above },
    };
  });
  return { entities, endpoints };
}
