import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parsePipeline, systemClock } from '@tributary/shared';
import { afterEach, expect, it } from 'vitest';
import { targetOf } from '../../src/discover/ask/input.js';
import { discover } from '../../src/discover/discover.js';
import { pipelineText } from '../../src/discover/write/document.js';

const named = (kind: string, name: string) => ({ kind, name, ofType: null });
const list = (name: string) => ({ kind: 'LIST', name: null, ofType: named('OBJECT', name) });
const must = (name: string) => ({ kind: 'NON_NULL', name: null, ofType: named('SCALAR', name) });
const field = (name: string, type: object, args: object[] = []) => ({ name, type, args });
const arg = (name: string, type: object) => ({ name, type, defaultValue: null });

const SCHEMA = {
  queryType: { name: 'Query' },
  types: [
    {
      kind: 'OBJECT',
      name: 'Query',
      fields: [
        field('node', named('OBJECT', 'Issue'), [arg('id', must('ID'))]),
        field('labels', list('Label')),
        field('issues', named('OBJECT', 'IssueConnection'), [
          arg('first', named('SCALAR', 'Int')),
          arg('after', named('SCALAR', 'String')),
          arg('updatedAfter', named('SCALAR', 'DateTime')),
        ]),
      ],
    },
    {
      kind: 'OBJECT',
      name: 'IssueConnection',
      fields: [field('nodes', list('Issue')), field('pageInfo', named('OBJECT', 'PageInfo'))],
    },
    { kind: 'OBJECT', name: 'PageInfo', fields: [] },
    { kind: 'OBJECT', name: 'Label', fields: [field('id', must('ID'))] },
    { kind: 'OBJECT', name: 'User', fields: [field('login', must('String')), field('bio', named('SCALAR', 'String'))] },
    {
      kind: 'OBJECT',
      name: 'Issue',
      fields: [
        field('id', must('ID')),
        field('title', must('String')),
        field('updatedAt', must('DateTime')),
        field('author', named('OBJECT', 'User')),
      ],
    },
  ],
};

const ISSUES = Array.from({ length: 7 }, (_, index) => ({
  id: `i${index}`,
  title: `t${index}`,
  updatedAt: new Date(Date.UTC(2024, 4, 1, index)).toISOString(),
  author: { login: `u${index}` },
}));

let server: Server | undefined;
afterEach(() => {
  server?.close();
  server?.closeAllConnections();
});

async function start(schema: unknown): Promise<string> {
  const started = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const { query, variables = {} } = JSON.parse(text) as {
      query: string;
      variables?: { after?: string; since?: string };
    };
    response.setHeader('content-type', 'application/json');
    if (query.includes('__schema')) {
      response.end(
        JSON.stringify(
          schema === undefined ? { errors: [{ message: 'introspection is off' }] } : { data: { __schema: schema } },
        ),
      );
      return;
    }
    const left = ISSUES.filter(({ updatedAt }) => updatedAt >= (variables.since ?? ''));
    const from = Number(variables.after ?? 0);
    const nodes = left.slice(from, from + 3);
    const pageInfo = { hasNextPage: from + 3 < left.length, endCursor: String(from + nodes.length) };
    response.end(JSON.stringify({ data: { issues: { pageInfo, nodes } } }));
  }).listen(0, '127.0.0.1');
  server = started;
  await new Promise((resolve) => started.once('listening', resolve));
  return `http://127.0.0.1:${(started.address() as AddressInfo).port}/graphql`;
}

const look = (url: string, graphql: string | true = true) =>
  discover({
    target: targetOf(url, {}),
    env: {},
    requests: 12,
    clock: systemClock,
    signal: new AbortController().signal,
    graphql,
  });

it('writes a query for what a GraphQL server says that it has, page by page, and for changes only', async () => {
  const draft = await look(await start(SCHEMA));
  const config = parsePipeline(pipelineText(draft, undefined, 'schema.json').text, {}, 'found.yaml');
  expect(config.endpoints.issues).toMatchObject({
    graphql: {
      query: expect.stringContaining('issues(first: 100, after: $after, updatedAfter: $since)'),
      variables: { after: '{{cursor}}', since: '{{since}}' },
    },
    items: '$.data.issues.nodes',
    paging: { type: 'cursor', next: '$.data.issues.pageInfo.endCursor', while: '$.data.issues.pageInfo.hasNextPage' },
  });
  expect(config.entities.issue).toMatchObject({ key: 'id', version: 'updatedAt' });
  expect(draft.notes.join()).toContain('labels');
});

it('says what to do where a GraphQL server does not tell, or has no such collection', async () => {
  await expect(look(await start(undefined))).rejects.toThrow(/introspection is off.*a query of your own/);
  await expect(look(await start(SCHEMA), 'nope')).rejects.toThrow(/no collection "nope"; it has issues, labels/);
});
