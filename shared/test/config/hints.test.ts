import { ConfigError, parsePipeline } from '@tributary/shared';
import { describe, expect, test } from 'vitest';
import { NOT_A_SETTING, OTHER_KINDS, OTHER_NAMES } from '../../src/config/hints/other-names.js';
import { schemasAt } from '../../src/config/hints/places.js';
import { pipelineSchema } from '../../src/config/schema.js';

/** A pipeline whose parts can each be given more settings. */
function pipeline(more: Readonly<Record<string, string>> = {}): string {
  return `
entities:
  post:
    dataset: posts
    queue: posts_data
    key: id
    version: at
    fields:
      id: integer
      at: datetime
      tag: { type: string, optional: true ${more.field ?? ''} }
    ${more.entity ?? ''}
endpoints:
  blog:
    url: http://127.0.0.1:1/posts
    entity: post
    paging: { type: ${more.kind ?? 'cursor, next: $.next'} ${more.paging ?? ''} }
    incremental: { parameter: since ${more.incremental ?? ''} }
    schedule: { every: 5s ${more.schedule ?? ''} }
    auth: { type: ${more.auth ?? 'bearer, token: x'} }
    ${more.endpoint ?? ''}
batch: { size: 10 ${more.batch ?? ''} }
sink: { type: ${more.sinkKind ?? 'csv'} ${more.sink ?? ''} }
${more.pipeline ?? ''}
`;
}

const merge = (setting: string): string => `
merges:
  m: { each: { entity: post, lines: tag }, with: { entity: post, on: id }, columns: { id: post.id }, ${setting} }`;

function faults(text: string): string[] {
  try {
    parsePipeline(text, {}, 'test.yaml');
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults.map(({ path, message }) => `${path}: ${message}`);
  }
}

const BASES = {
  pipeline: [],
  entity: ['entities', '*'],
  field: ['entities', '*', 'fields', '*'],
  endpoint: ['endpoints', '*'],
  paging: ['endpoints', '*', 'paging'],
  auth: ['endpoints', '*', 'auth'],
  incremental: ['endpoints', '*', 'incremental'],
  deletes: ['endpoints', '*', 'deletes'],
  schedule: ['endpoints', '*', 'schedule'],
  sink: ['sink'],
  batch: ['batch'],
  merge: ['merges', '*'],
} as const satisfies Record<keyof typeof OTHER_NAMES, readonly string[]>;

describe('a setting that does not exist', () => {
  test('is told what it is called here, and that does exist', () => {
    for (const [section, table] of Object.entries(OTHER_NAMES)) {
      for (const ours of Object.keys(table)) {
        const base: readonly string[] = BASES[section as keyof typeof BASES];
        const path = ours.includes('.') ? ours.split('.') : [...base, ours];
        expect([section, ours, schemasAt(pipelineSchema, path).length]).not.toEqual([section, ours, 0]);
      }
    }
  });

  test.each([
    ['path: $.data', 'here it is url (where the first page is), or items (where the records lie in the body)'],
    ['params: { a: b }', 'here it is query (query parameters of every request)'],
    ['pagination: { type: page }', 'here it is paging (how the pages follow each other)'],
    ['primary_key: id', 'here it is entities.post.key (the field that names a record)'],
    ['cursor_field: at', 'here it is incremental (asks only for what is new or changed since the last poll)'],
    ['data_selector: data', 'here it is items (where the records lie in the body)'],
    ['body_json: { a: b }', 'here it is body (sent as JSON, or as it is if it is text)'],
    ['verb: POST', 'here it is method (GET, or POST where there is a body, unless given)'],
    ['user: me', 'here it is auth (how requests are authenticated)'],
    ['recordSelector: { extractor: x }', 'here it is items'],
    ['page_size: 50', 'here it is endpoints.blog.paging.size'],
    ['rate_limit: 5', 'here it is limits.perHost.requestsPerSecond (requests a second to one host, evenly spread'],
    ['max_pages: 5', 'unknown setting max_pages; here it is written maxPages'],
    ['write_disposition: merge', 'each record lands once, and again when its content has changed'],
    ['verify: false', 'certificates are always checked'],
    ['tiemout: 5s', 'did you mean timeout?'],
    ['untilParameter: to', 'it belongs elsewhere: endpoints.blog.incremental.untilParameter'],
    ['frobnicate: 1', 'unknown setting frobnicate'],
  ])('of an endpoint, %s', (setting, words) => {
    expect(faults(pipeline({ endpoint: setting }))).toEqual([expect.stringContaining(words)]);
  });

  test.each(['type: inner', 'items: $.x', 'key: id'])(
    'of a merge, %s is none of an endpoint or an entity',
    (setting) => {
      const [fault, ...others] = faults(pipeline({ pipeline: merge(setting) })).filter((one) =>
        one.includes('unknown'),
      );
      expect(others).toEqual([]);
      expect(fault).toMatch(/unknown setting \w+: expected one of each, with, missing/);
    },
  );

  test.each<[Parameters<typeof pipeline>[0], string]>([
    [{ pipeline: 'streams: {}' }, 'here it is endpoints (what is polled, by name)'],
    [{ pipeline: 'destination: {}' }, 'here it is sink (where the rows land)'],
    [{ pipeline: 'interval: 5s' }, 'here it is endpoints.NAME.schedule'],
    [{ entity: 'replication_key: at' }, 'here it is version (the field that grows with each change of a record)'],
    [{ entity: 'table_name: posts' }, 'here it is dataset'],
    [{ entity: 'columns: {}' }, 'here it is fields'],
    [{ field: ', nullable: true' }, 'here it is optional'],
    [{ field: ', path: $.tags' }, 'here it is from'],
    [{ field: ', max_length: 5' }, 'here it is written maxLength'],
    [{ paging: ', cursor_path: $.x' }, 'here it is next'],
    [{ paging: ', cursor_param: after' }, 'here it is parameter'],
    [{ paging: ', per_page: 5' }, 'here it is size'],
    [{ paging: ', first: 0' }, 'unknown setting first of this type; page or offset has it'],
    [{ kind: 'link', paging: ', has_more: $.more' }, 'here it is while'],
    [{ incremental: ', cursor_path: at' }, 'here it is entities.post.version'],
    [{ incremental: ', lookback_window: 5s' }, 'here it is overlap'],
    [{ schedule: ', tz: UTC' }, 'unknown setting tz'],
    [{ auth: 'basic, user: a, pass: b' }, 'here it is username (the user)'],
    [{ auth: 'bearer, token: x, access_token: y' }, 'here it is token'],
    [{ auth: 'api-key, name: X, value: y, header: X' }, 'here it is name'],
    [{ batch: ', timeout: 5s' }, 'here it is interval'],
    [{ sink: ', path: out' }, 'here it is sink.csv.directory'],
    [{ sink: ', dsn: x' }, 'POSTGRES_URL in the environment names the database'],
    [{ sink: ', deletes: keep' }, 'it belongs elsewhere: sink.postgres.deletes'],
    [{ sinkKind: 'postgres', sink: ', deletes: keep' }, 'it belongs elsewhere: sink.postgres.deletes'],
    [{ sink: ', compression: gzip' }, 'unknown setting compression: expected one of type, csv, postgres'],
    [{ pipeline: merge('on: id') }, 'it belongs elsewhere: merges.m.with.on'],
  ])('of another part: %j', (more, words) => {
    expect(faults(pipeline(more))).toContainEqual(expect.stringContaining(words));
  });

  test('is told for each of several, with the other faults', () => {
    expect(faults(pipeline({ endpoint: 'params: {}\n    verb: GET\n    retries: many' }))).toEqual([
      expect.stringContaining('endpoints.blog.retries: "many"'),
      expect.stringContaining('endpoints.blog: unknown setting params'),
      expect.stringContaining('endpoints.blog: unknown setting verb'),
    ]);
  });

  test('has no two answers in one table', () => {
    const names = Object.keys(NOT_A_SETTING);
    expect(names).toEqual(names.map((name) => name.toLowerCase().replaceAll(/[-_]/g, '')));
  });
});

describe('a kind that does not exist', () => {
  test.each<[Parameters<typeof pipeline>[0], string]>([
    [{ kind: 'curser, next: $.next' }, '"curser" is not valid: expected a type: none, cursor'],
    [{ kind: 'curser, next: $.next' }, 'did you mean cursor?'],
    [{ kind: 'page_number' }, 'did you mean page?'],
    [{ kind: 'header_link' }, 'did you mean link?'],
    [{ kind: 'json_link, next: $.next' }, 'did you mean next-url?'],
    [{ kind: 'offest, size: 5' }, 'did you mean offset?'],
    [{ auth: 'beerer, token: x' }, 'did you mean bearer?'],
    [{ auth: 'http_basic, username: a, password: b' }, 'did you mean basic?'],
    [{ auth: 'apikey, name: a, value: b' }, 'did you mean api-key?'],
    [{ endpoint: 'format: jsonl' }, 'did you mean ndjson?'],
    [{ endpoint: 'format: { type: rss }' }, 'did you mean xml?'],
    [{ endpoint: 'method: post' }, 'did you mean POST?'],
    [{ endpoint: 'priority: hihg' }, 'did you mean high?'],
    [{ endpoint: 'as: singel' }, 'did you mean single?'],
    [{ endpoint: 'source: http' }, 'did you mean rest?'],
    [{ sinkKind: 'postgresql' }, 'did you mean postgres?'],
    [{ sinkKind: 'file' }, 'did you mean csv?'],
  ])('is told the one that was meant: %j', (more, words) => {
    expect(faults(pipeline(more))).toContainEqual(expect.stringContaining(words));
  });

  test.each([
    ['text', 'string'],
    ['int', 'integer'],
    ['timestamp?', 'datetime?'],
    ['float', 'number'],
    ['bool?', 'boolean?'],
    ['jsonb', 'json'],
    ['strng', 'string'],
    ['decimla', 'decimal'],
  ])('as the type of a field: %s', (type, meant) => {
    const text = pipeline().replace('id: integer', `id: integer\n      name: ${type}`);
    expect(faults(text)).toEqual([
      expect.stringMatching(new RegExp(`fields\\.name: .*; did you mean ${meant.replace('?', '\\?')}\\?$`)),
    ]);
  });

  test('leads to one that exists', () => {
    const types = (path: string) => schemasAt(pipelineSchema, path.split('.')).length;
    expect(types('endpoints.*.paging.type')).toBe(Object.keys(OTHER_KINDS.paging ?? {}).length);
  });
});
