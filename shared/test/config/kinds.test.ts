import { resolve } from 'node:path';
import { ConfigError, either, parsePipeline, sinkWords } from '@tributary/shared';
import { expect, test } from 'vitest';
import { SOURCES } from '../../src/config/kinds/sources.js';

const pipeline = (endpoint = '', rest = ''): string => `
entities:
  post: { dataset: posts, queue: posts_data, key: id, fields: { id: integer } }
endpoints:
  blog: { url: http://127.0.0.1:1/posts, entity: post${endpoint} }
${rest}`;

const configOf = (text: string) => parsePipeline(text, {}, 'test.yaml');

function faults(text: string): string[] {
  try {
    configOf(text);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults.map(({ path, message }) => `${path}: ${message}`);
  }
}

test('an endpoint that names no source reads a REST API', () => {
  expect(configOf(pipeline()).endpoints.blog?.source).toBe('rest');
  expect(configOf(pipeline(', source: rest'))).toEqual(configOf(pipeline()));
  expect(faults(pipeline(', source: carrier-pigeon'))).toEqual([
    `endpoints.blog.source: "carrier-pigeon" is not valid: expected a source: ${either(Object.keys(SOURCES))}`,
  ]);
});

test('a kind that does not exist, is missing or is no mapping is told with the kinds that exist', () => {
  const kinds = 'expected a type: none, cursor, page, offset, link or next-url';
  expect(faults(pipeline(', paging: { type: kursor }'))).toEqual([
    `endpoints.blog.paging.type: "kursor" is not valid: ${kinds}; did you mean cursor?`,
  ]);
  expect(faults(pipeline(', paging: { size: 5 }'))).toEqual([`endpoints.blog.paging.type: missing: ${kinds}`]);
  expect(faults(pipeline(', paging: cursor'))).toEqual([
    'endpoints.blog.paging: "cursor" is not valid: expected a mapping such as { type: none }, with a type: none, cursor, page, offset, link or next-url',
  ]);
  expect(faults(pipeline(', auth: { type: kerberos }'))).toEqual([
    'endpoints.blog.auth.type: "kerberos" is not valid: expected a type: bearer, basic, api-key, oauth2, jwt-bearer or login',
  ]);
  expect(faults(pipeline(', format: yaml'))).toEqual([
    'endpoints.blog.format: "yaml" is not valid: expected json, ndjson, csv or xml, or a mapping with that as its type',
  ]);
  expect(faults(pipeline('', 'sink: { type: parquet }'))).toEqual([
    'sink.type: "parquet" is not valid: expected csv, postgres or program',
  ]);
});

test('the settings of one kind are unknown to another', () => {
  expect(faults(pipeline(', paging: { type: link, parameter: page }'))).toEqual([
    'endpoints.blog.paging: unknown setting parameter of this type; cursor, page or offset has it',
  ]);
});

test('each sink says in words where its rows are', () => {
  const { sink } = configOf(pipeline('', 'sink: { csv: { directory: out }, postgres: { schema: crm } }'));
  expect(sinkWords(sink)).toEqual({
    medium: 'CSV files',
    form: 'CSV',
    place: resolve('out'),
    folder: 'out',
    description: 'CSV files in out',
  });
  expect(sinkWords({ ...sink, type: 'postgres' })).toEqual({
    medium: 'Postgres',
    form: 'tables',
    place: 'Postgres schema crm',
    folder: undefined,
    description: 'Postgres, schema crm',
  });
});
