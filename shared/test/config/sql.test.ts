import { ConfigError, parsePipeline } from '@tributary/shared';
import { describe, expect, it } from 'vitest';

const fields = { id: 'integer', name: 'string?', n: 'integer', at: 'datetime' };

/** The faults of an endpoint with these settings; none if it is valid. */
function faults(
  settings: object,
  entity: object = {},
  env: Record<string, string> = {},
  others: Record<string, object> = {},
): string[] {
  const post = { dataset: 'posts', queue: 'posts', key: 'id', version: 'at', fields, ...entity };
  const bank = { source: 'sql', url: 'postgres://reader@localhost/bank', table: 'posts', entity: 'post', ...settings };
  try {
    parsePipeline(JSON.stringify({ entities: { post }, endpoints: { bank, ...others } }), env, 'test.yaml');
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
  }
}

const variable = (name: string): string => `\${${name}}`;

describe('an endpoint that reads a database', () => {
  it('reads a table or a query, incrementally or not', () => {
    expect(faults({})).toEqual([]);
    expect(faults({ table: undefined, query: 'SELECT 1 AS id' })).toEqual([]);
    expect(faults({ incremental: false }, { version: undefined })).toEqual([]);
    expect(
      faults({ url: 'mariadb://root@localhost:3306/x', incremental: { overlap: '2m', initial: '2024-01-01' } }),
    ).toEqual([]);
  });

  it.each<[setting: string, settings: object, entity: object, words: string]>([
    ['neither table nor query', { table: undefined }, {}, 'endpoints.bank: nothing says what is read'],
    ['both', { query: 'SELECT 1' }, {}, 'endpoints.bank: table and query stand beside each other'],
    [
      'a semicolon',
      { table: undefined, query: 'SELECT 1;' },
      {},
      'endpoints.bank.query: it stands within another SELECT',
    ],
    ['a parent', { parent: { endpoint: 'bank' } }, {}, 'endpoints.bank.parent'],
    ['a placeholder', { table: undefined, query: 'SELECT {{since}}' }, {}, '{{since}} is filled by nothing here'],
    ['no version', {}, { version: undefined }, 'endpoints.bank.incremental: entity "post" has no version to go by'],
    [
      'a version that counts, without overlap',
      {},
      { version: 'n' },
      'endpoints.bank.incremental.overlap: missing: rows that are committed late',
    ],
    ['a key that is no column', { map: { id: '$.doc.id' } }, {}, 'the field "id" is not one column as it is'],
    ['columns without the key', { columns: ['at'] }, {}, 'endpoints.bank.columns: "id" is missing'],
    ['another URL', { url: 'https://localhost/bank' }, {}, 'expected a database URL such as postgres://'],
    ['a setting of REST', { paging: { type: 'page' } }, {}, 'unknown setting paging'],
  ])('is told of %s', (_setting, settings, entity, words) => {
    expect(faults(settings, entity).join('\n')).toContain(words);
  });

  it('reads a query for each record of a parent, and for each value of a list', () => {
    const query = `SELECT * FROM "lines's" WHERE post = {{parent.id}} AND region = {{region}} -- it's all`;
    const child = {
      table: undefined,
      query,
      parent: { endpoint: 'posts' },
      for: { region: ['eu'] },
      incremental: false,
    };
    expect(faults(child, {}, {}, { posts: { url: 'http://127.0.0.1:1/posts', entity: 'post' } })).toEqual([]);
    expect(faults({ table: undefined, query: 'SELECT * FROM {{region}}', for: { region: ['eu'] } })).toEqual([]);
  });

  it.each<[what: string, settings: object, words: string]>([
    ['a table', { table: 'lines' }, 'endpoints.bank.parent: each record or value would read the same rows'],
    ['a query without it', { query: 'SELECT 1 AS id' }, 'endpoints.bank.parent: each record or value would read'],
    [
      'quotes',
      { query: "SELECT 1 WHERE 'a' = 'x{{parent.id}}'" },
      'endpoints.bank.query: {{parent.id}} stands within quotes',
    ],
    [
      'a comment',
      { query: 'SELECT {{parent.id}} /* {{parent.n}} */' },
      '{{parent.n}} stands within quotes or a comment',
    ],
    ['another name', { query: 'SELECT {{parent.id}}, {{region}}' }, '{{region}} is filled by nothing here'],
    [
      'a list that is not used',
      { query: 'SELECT {{parent.id}}', for: { region: ['eu'] } },
      'endpoints.bank.for: each record or value',
    ],
    ['a table with a placeholder', { table: 'lines_{{parent.id}}' }, '{{parent.id}} stands in the url or the table'],
    [
      'what is new',
      { query: 'SELECT {{parent.id}}', incremental: {} },
      'endpoints.bank.incremental: a child is polled when its parent is',
    ],
  ])('of a parent is told of %s', (_what, settings, words) => {
    const child = { table: undefined, parent: { endpoint: 'posts' }, incremental: false, ...settings };
    const posts = { url: 'http://127.0.0.1:1/posts', entity: 'post' };
    expect(faults(child, {}, {}, { posts }).join('\n')).toContain(words);
  });

  it('shows no password of its URL, wherever it comes from', () => {
    for (const [url, env] of [
      ['postgres://reader:tell-nobody@local host/bank', {}],
      [variable('BANK'), { BANK: 'postgres://reader:tell-nobody@local host/bank' }],
      [`postgres://reader:${variable('BANK_PASSWORD')}@local host/bank`, { BANK_PASSWORD: 'tell-nobody' }],
    ] as const) {
      const told = faults({ url }, {}, env).join('\n');
      expect(told).toContain('expected a database URL');
      expect(told).not.toContain('tell-nobody');
    }
  });
});
