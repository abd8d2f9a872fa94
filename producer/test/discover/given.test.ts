import { readFileSync } from 'node:fs';
import { parsePipeline } from '@tributary/shared';
import { describe, expect, it } from 'vitest';
import { draftOfOpenApi, type OpenApiOptions } from '../../src/discover/given/openapi.js';
import { draftOfSample } from '../../src/discover/given/sample.js';
import { pipelineText } from '../../src/discover/write/document.js';

function described(from: string, more: Partial<OpenApiOptions> = {}) {
  const text = readFileSync(new URL(`openapi/${from}`, import.meta.url), 'utf8');
  const draft = draftOfOpenApi({ text, from, ...more });
  const file = pipelineText(draft, undefined, 'schema.json').text;
  const env = Object.fromEntries(draft.wanted.map((name) => [name, 'unset']));
  return { draft, file, config: parsePipeline(file, env, from) };
}

describe('an OpenAPI file', () => {
  it('gives all collections, those of a record as children, and tells which could be merged', () => {
    const { config, draft, file } = described('shop.yaml');
    expect(config.endpoints).toMatchObject({
      customers: {
        url: 'https://shop.example.org/v2/customers',
        auth: { type: 'api-key', in: 'header', name: 'X-Api-Key' },
        items: '$.data',
        paging: {
          type: 'page',
          parameter: 'page',
          sizeParameter: 'per_page',
          size: 200,
          total: '$.meta.total_pages',
          totalIn: 'pages',
        },
      },
      orders: { items: '$', incremental: { parameter: 'updated_after' }, paging: { type: 'page' } },
      'orders-refunds': {
        parent: { endpoint: 'orders' },
        url: 'https://shop.example.org/v2/orders/{{parent.id}}/refunds',
      },
    });
    expect(config.entities).toMatchObject({
      customer: { key: 'id' },
      order: {
        key: 'id',
        version: 'updated_at',
        fields: { id: { type: 'integer' }, total: { type: 'decimal' }, lines: { type: 'list' } },
      },
      orders_refund: { key: 'id', fields: { amount: { type: 'decimal' } } },
    });
    expect(draft.wanted).toEqual(['SHOP_KEY']);
    expect(draft.notes.join('\n')).toMatch(/order\.customer_id seems to hold keys of customer/);
    expect(file).toContain('# unsure: ');
  });

  it('gives one operation, with variables for what its path needs', () => {
    const { config, draft } = described('tracker.json', {
      operation: 'issues',
      base: 'https://t.example.org/openapi.json',
    });
    expect(config.endpoints.issues).toMatchObject({
      url: 'https://t.example.org/api/projects/unset/issues',
      auth: { type: 'oauth2', tokenUrl: 'https://id.example.org/token' },
      items: '$.issues',
      paging: {
        type: 'cursor',
        next: '$.next_cursor',
        parameter: 'cursor',
        while: '$.has_more',
        sizeParameter: 'limit',
        size: 50,
      },
      incremental: { parameter: 'since' },
    });
    expect(config.entities.issue).toMatchObject({
      key: 'key',
      version: 'updated',
      fields: { author_name: { from: '$.author.name' } },
    });
    expect(draft.wanted).toContain('PROJECT');
  });

  it.each([
    ['a server', (text: string) => text.replace('shop.example.org', `shop.example.org/\${HOME}`)],
    ['a header', (text: string) => text.replace('X-Api-Key', `'X-\${file:id_rsa}'`)],
  ])('is refused if it asks for the environment or for files in %s', (_where, change) => {
    const text = readFileSync(new URL('openapi/shop.yaml', import.meta.url), 'utf8');
    expect(change(text)).not.toBe(text);
    expect(() => draftOfOpenApi({ text: change(text), from: 'shop.yaml' })).toThrow(/filled from your environment/);
  });

  it('may be of Swagger 2', () => {
    const { config } = described('old-swagger.yaml');
    expect(config.endpoints.parts).toMatchObject({
      url: 'https://old.example.org/rest/parts',
      auth: { type: 'basic' },
      items: '$.results',
      paging: { type: 'offset', parameter: 'offset', sizeParameter: 'limit', size: 500, total: '$.total' },
    });
    expect(config.entities.part).toMatchObject({ key: 'partNumber', version: 'lastModified' });
  });

  it.each([
    ['{"a": 1}', undefined, /is no OpenAPI file/],
    ['paths: {}', undefined, /describes no GET/],
    ['paths: {}', 'nope', /has no GET operation "nope"/],
  ])('is refused in words: %s', (text, operation, said) => {
    expect(() => draftOfOpenApi({ text, from: 'x.yaml', operation })).toThrow(said);
  });
});

describe('a sample', () => {
  it('of JSON gives a pipeline whose address has to be put in', () => {
    const text = JSON.stringify({
      next: 'https://x/2',
      orders: [
        { id: 1, at: '2024-05-01T00:00:00Z' },
        { id: 2, at: '2024-05-02T00:00:00Z' },
      ],
    });
    const draft = draftOfSample({ text, from: 'orders.json', name: 'orders' });
    const file = pipelineText(draft, undefined, 'schema.json').text;
    const config = parsePipeline(file, {}, 'orders.yaml');
    expect(config.endpoints.orders).toMatchObject({
      url: 'https://api.example.org/orders',
      items: '$.orders',
      paging: { type: 'next-url', next: '$.next' },
    });
    expect(file).toContain('# unsure: put the address here');
  });

  it.each([
    ['csv', 'id,name\n1,x\n2,y\n'],
    ['ndjson', '{"id":1}\n{"id":2}\n'],
    [
      'xml',
      '<rss><channel><item><guid isPermaLink="false">a1</guid></item><item><guid isPermaLink="false">a2</guid></item></channel></rss>',
    ],
  ])('may be %s', (format, text) => {
    const draft = draftOfSample({ text, from: `x.${format}`, name: 'things' });
    const config = parsePipeline(pipelineText(draft, undefined, 'schema.json').text, {}, 'x.yaml');
    expect(config.endpoints.things).toMatchObject({ format: { type: format } });
    expect(config.entities.thing?.key).toMatch(/id/);
  });

  it('without records is refused in words', () => {
    expect(() => draftOfSample({ text: '<!doctype html><html>', from: 'x.html' })).toThrow(/a web page/);
  });
});
