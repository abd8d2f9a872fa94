import { parsePipeline } from '@tributary/shared';
import { describe, expect, test } from 'vitest';
import { adviceOnMarks, describeSummary, welcome } from '../../src/cli/flow/tell.js';
import { speller } from '../../src/cli/shell/spelling.js';
import type { Summary } from '../../src/library/once.js';
import type { Pipeline } from '../../src/library/pipeline.js';

const summary = (number: number): Summary => ({
  polled: number,
  published: number,
  accepted: number,
  duplicate: 0,
  stale: 0,
  deadLettered: 0,
  deadAgain: 0,
  rows: { posts: number },
  seconds: 1,
  output: 'out',
  endpoints: Array.from({ length: number }, (_, index) => ({ endpoint: `e${index}`, records: 1 })),
});

test('one is told as one, and two as two', () => {
  const one = describeSummary(summary(1));
  expect(one).toContain('Polled 1 record from 1 endpoint, published 1');
  expect(one).toContain('posts: 1 row written');
  const two = describeSummary(summary(2));
  expect(two).toContain('Polled 2 records from 2 endpoints, published 2');
  expect(two).toContain('posts: 2 rows written');
});

test('a letter that came again is told apart from new ones', () => {
  expect(describeSummary({ ...summary(1), deadLettered: 5, deadAgain: 3 })).toContain(
    'dead letters 2 (came again: 3).',
  );
  expect(describeSummary({ ...summary(1), deadLettered: 5 })).toContain('dead letters 5.');
});

test('says what a duplicate is where there are any', () => {
  expect(describeSummary({ ...summary(1), duplicate: 4 })).toContain('read again, with the content that its row has');
  expect(describeSummary(summary(1))).not.toContain('read again');
});

test('records that were left out are told of', () => {
  const endpoints = [
    { endpoint: 'a', records: 5, filtered: 3 },
    { endpoint: 'b', records: 1 },
  ];
  expect(describeSummary({ ...summary(1), polled: 6, endpoints })).toContain(
    'Polled 6 records from 2 endpoints, left 3 out by where, published 1',
  );
});

test('records that were deleted are told of, and those that were not, with the reason', () => {
  const endpoints = [
    { endpoint: 'a', records: 5, deleted: 2 },
    { endpoint: 'b', records: 1, notDeleted: { records: 3, reason: '3 of 4 records are missing' } },
  ];
  const told = describeSummary({ ...summary(1), polled: 6, endpoints });
  expect(told).toContain('Polled 6 records from 2 endpoints, deleted 2, published 1');
  expect(told).toContain('NOT DELETED from b: 3 of 4 records are missing');
});

test('records that died are told by their fault, with some of their keys', () => {
  const died = [
    {
      endpoint: 'crm',
      entity: 'post',
      code: 'field_invalid',
      field: 'total',
      reason: 'endpoint crm: post 7: field "total" is "x": expected a number',
      keys: ['7', '8', '9', '10'],
      count: 12,
      again: 0,
    },
    {
      endpoint: 'crm',
      entity: 'post',
      code: 'not_an_object',
      field: undefined,
      reason: 'it is 42',
      keys: [],
      count: 1,
      again: 0,
    },
    {
      endpoint: 'twice',
      entity: 'post',
      code: 'late',
      field: undefined,
      reason: 'it is late',
      keys: ['1'],
      count: 2,
      again: 1,
    },
    {
      endpoint: 'known',
      entity: 'post',
      code: 'late',
      field: undefined,
      reason: 'it is late',
      keys: ['1'],
      count: 1,
      again: 1,
    },
  ];
  const endpoints = [{ endpoint: 'crm', records: 13, allDied: true as const }];
  const told = describeSummary({ ...summary(1), endpoints, died }).split('\n');
  expect(told).toContain(
    'DIED 12 records of crm, field total (field_invalid), such as 7, 8, 9: endpoint crm: post 7: field "total" is "x": expected a number',
  );
  expect(told).toContain('DIED 1 record of crm (not_an_object): it is 42');
  expect(told).toContain('DIED 1 record (came again: 1) of twice (late), such as 1: it is late');
  expect(told).toContain('DIED again, as dead letters already, 1 record of known (late), such as 1: it is late');
  expect(told).toContain('ALL DIED of crm: correct its fields in the pipeline file, or its records at their source');
});

test('what becomes of the marks is told where there are any', () => {
  const configOf = (more: string) =>
    parsePipeline(
      `
entities: { post: { dataset: posts, queue: posts, key: id, version: at, fields: { id: string, at: datetime } } }
endpoints: { blog: { url: "http://127.0.0.1:1", entity: post ${more} } }`,
      {},
      'test.yaml',
    );
  const incremental = configOf(', incremental: { parameter: since }');
  expect(adviceOnMarks({ config: configOf(''), marks: 'output' }, summary(1))).toEqual([]);
  expect(adviceOnMarks({ config: incremental, marks: 'redis' }, summary(1))).toEqual([]);
  expect(adviceOnMarks({ config: incremental, marks: 'output' }, summary(1))).toEqual([
    expect.stringContaining('is kept with the output'),
  ]);
  expect(adviceOnMarks({ config: incremental, marks: 'memory' }, summary(1))).toEqual([
    expect.stringContaining('is not kept: the next round polls everything again'),
  ]);
  expect(adviceOnMarks({ config: incremental, marks: 'output' }, { ...summary(1), withheld: ['blog'] })).toEqual([
    expect.anything(),
    expect.stringMatching(/^But not of blog, /),
  ]);
  const missing = configOf(', deletes: { missing: true }');
  expect(adviceOnMarks({ config: missing, marks: 'memory' }, summary(1))).toEqual([
    expect.stringContaining('is not kept: the next round polls everything again'),
    expect.stringMatching(/^NOT DELETED from blog: .* stays in the output, .* set REDIS_URL and AMQP_URL\.$/),
  ]);
  for (const marks of ['redis', 'output'] as const) {
    expect(adviceOnMarks({ config: missing, marks }, summary(1)).join()).not.toContain('NOT DELETED');
  }
});

describe('the banner', () => {
  const banner = (sink: string, inMemory: Pipeline['inMemory'], installed = false) => {
    const text = `
entities: { post: { dataset: posts, queue: posts, key: id, fields: { id: string } } }
endpoints:
  blog: { url: "http://user:password@127.0.0.1:1/posts?key=secret", entity: post }
  gone: { url: "http://127.0.0.1:1/gone", entity: post, enabled: false }
sink: { type: ${sink} }`;
    const at = (port: number) => `http://127.0.0.1:${port}`;
    const urls = { dashboard: at(8000), producer: at(8081), consumer: at(8082), mockApi: undefined };
    const config = parsePipeline(text, {}, 'test.yaml');
    return welcome({ config, urls, inMemory, dashboardToken: 'abc' }, speller(installed ? 'package' : 'checkout'));
  };

  test('names the kinds of sources that there are', () => {
    const text = `
entities: { post: { dataset: posts, queue: posts, key: id, fields: { id: string } } }
endpoints:
  one: { source: files, path: "/in/*", entity: post }
  two: { source: sql, url: "postgres://127.0.0.1/shop", table: posts, incremental: false, entity: post }`;
    const urls = {
      dashboard: 'http://127.0.0.1:1',
      producer: 'http://127.0.0.1:2',
      consumer: 'http://127.0.0.1:3',
      mockApi: undefined,
    };
    const config = parsePipeline(text, {}, 'test.yaml');
    const said = welcome({ config, urls, inMemory: [], dashboardToken: undefined }, speller('checkout'));
    expect(said).toContain('Tributary is running: files, database -> producer');
  });

  test('holds no user, password or query of an endpoint', () => {
    const said = banner('csv', []);
    expect(said).toContain('blog  http://127.0.0.1:1/posts\n');
    expect(said).not.toMatch(/user|password|secret/);
  });

  test('says that queues and ledger live in memory where they do, and that files are written', () => {
    const said = banner('csv', ['queues', 'ledger']);
    expect(said).toContain('Tributary is running: REST API -> producer -> queues in memory -> consumer -> CSV');
    expect(said).toContain('Queues live in memory here');
    expect(said).not.toContain('Postgres');
  });

  test('says nothing of files or memory where rows go to Postgres and the servers are a person’s own', () => {
    const said = banner('postgres', []);
    expect(said).toContain('REST API -> producer -> your RabbitMQ -> consumer -> Postgres');
    for (const word of ['memory', 'CSV', 'files']) expect(said).not.toContain(word);
  });

  test('says what is kept in memory beside an own RabbitMQ', () => {
    const said = banner('csv', ['ledger']);
    expect(said).toContain('your RabbitMQ');
    expect(said).toContain('The ledger of what was written lives in memory here');
    expect(said).not.toContain('Queues live');
  });

  test('names the endpoints that are polled, without the secrets of their queries', () => {
    const said = banner('csv', []);
    expect(said).toContain('blog  http://127.0.0.1:1/posts\n');
    for (const word of ['secret', 'gone', 'CRM to poll']) expect(said).not.toContain(word);
  });

  test('says of endpoints that lose something with the memory what that is, in a line', () => {
    const text = `
entities:
  post: { dataset: posts, queue: posts, key: id, fields: { id: string } }
  order: { dataset: orders, queue: orders, key: id, fields: { id: string } }
endpoints:
  hooks: { source: webhook, sender: { type: none }, entity: post }
  orders: { source: postgres-changes, url: "postgres://127.0.0.1:1/shop", table: orders, entity: order }
  blog: { url: "http://127.0.0.1:1/posts", entity: post, deletes: { missing: true } }
  off: { url: "http://127.0.0.1:1/off", entity: post, enabled: false, deletes: { missing: true } }`;
    const urls = { dashboard: 'http://a', producer: 'http://127.0.0.1:8081', consumer: 'http://c', mockApi: undefined };
    const config = parsePipeline(text, {}, 'test.yaml');
    const saidWith = (inMemory: Pipeline['inMemory']) =>
      welcome({ config, urls, inMemory, dashboardToken: undefined }, speller('checkout'))
        .split('\n')
        .filter((line) => line.startsWith('LOST IN MEMORY'));
    expect(saidWith(['queues', 'ledger'])).toEqual([
      expect.stringMatching(/^LOST IN MEMORY hooks: an event .* is lost if this is killed\.$/),
      expect.stringMatching(
        /^LOST IN MEMORY blog: .* gone before the next start polls stays in the output .*REDIS_URL/,
      ),
    ]);
    expect(saidWith([])).toEqual([]);
  });

  test('writes commands as they were typed', () => {
    const npx = { npm_lifecycle_event: 'npx', npm_lifecycle_script: "'tributary'" };
    expect(speller('checkout', npx)('endpoints', 'list')).toBe('npx tributary endpoints list');
    expect(
      speller('checkout', { npm_lifecycle_event: 'try', npm_lifecycle_script: 'tributary try' })('try', 'crm'),
    ).toBe('npm run try -- crm');
    expect(speller('checkout', { ...npx, npm_lifecycle_script: "'vitest'" })('start')).toBe('npm start');
  });

  test('writes commands as they are written where it runs', () => {
    expect(speller('image')('dead-letters', 'list')).toBe('tributary dead-letters list');
    expect(banner('csv', [])).toContain('(asked by: npm run endpoints -- list)');
    expect(banner('csv', [], true)).toContain('(asked by: npx tributary endpoints list)');
  });
});
