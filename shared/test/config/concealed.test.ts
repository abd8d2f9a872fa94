import { ConfigError, concealedIn, parsePipeline, withoutValues } from '@tributary/shared';
import { describe, expect, test } from 'vitest';

const pipeline = (endpoint: object, env: Record<string, string>) => {
  const entities = { post: { dataset: 'posts', queue: 'posts', key: 'id', fields: { id: 'string' } } };
  return parsePipeline(JSON.stringify({ entities, endpoints: { blog: { entity: 'post', ...endpoint } } }), env, 'test');
};
const concealed = (endpoint: object, env: Record<string, string>) =>
  Object.values(pipeline(endpoint, env).endpoints).flatMap(concealedIn);

describe('what of the settings is concealed', () => {
  test.each([
    ['a path', `https://host/bot\${T}/x`, { T: 'abcdefgh' }, ['abcdefgh']],
    ['a query', `https://host/x?a=1&sig=\${T}`, { T: 'abcdefgh' }, ['abcdefgh']],
    [
      'a user and its password',
      `https://\${U}:\${T}@host/x`,
      { U: 'somebody', T: 'abcdefgh' },
      ['somebody', 'abcdefgh'],
    ],
    [
      'a whole URL, but for its host',
      `\${HOOK}`,
      { HOOK: 'https://hooks.example/services/T00000000/B1234567/zzzz' },
      ['T00000000', 'B1234567'],
    ],
    ['a whole URL whose name is secret', `\${TOKEN_URL}`, { TOKEN_URL: 'https://host/oauth/token' }, []],
    ['the host', `https://\${HOST}/x`, { HOST: 'api.example.org' }, []],
    ['a version in the path', `https://host/api/\${VERSION}/x`, { VERSION: '2024-01' }, []],
    ['a base with a path', `\${CRM}/customers`, { CRM: 'http://127.0.0.1:8080/api/v2' }, []],
    ['a short one with the name of a secret', `https://host/\${API_KEY}`, { API_KEY: '4711' }, ['4711']],
  ])('in %s', (_where, url, env, values) => {
    expect(concealed({ url }, env)).toEqual(values);
  });

  test('is what a name calls secret, wherever it stands, and each in its own endpoint', () => {
    const body = { text: [`x \${API_TOKEN}`, { n: `\${PLAIN}` }] };
    expect(concealed({ url: 'https://host/', body }, { API_TOKEN: '987654', PLAIN: 'word' })).toEqual(['987654']);
  });

  test('is in no id that a list makes', () => {
    const settings = { url: 'https://host/{{shop}}', for: { shop: [`\${KEY_A}`, `\${KEY_B}`, 'eu'] } };
    expect(Object.keys(pipeline(settings, { KEY_A: '0099887766', KEY_B: '1199887766' }).endpoints)).toEqual([
      'blog.secret',
      'blog.secret-2',
      'blog.eu',
    ]);
  });

  test('is shown in no fault of the file', () => {
    const env = { T: 'abcd1234efgh', BASE: 'https://host/t-1234567890/' };
    for (const endpoint of [
      { url: `https://host:bad/bot\${T}`, retries: 'abcd1234efgh' },
      { url: `\${BASE}x`, items: 't-1234567890' },
    ]) {
      expect(() => pipeline(endpoint, env)).toThrow(ConfigError);
      expect(() => pipeline(endpoint, env)).not.toThrow(/abcd1234efgh|t-1234567890/);
    }
  });

  test('is a password of an address whose scheme is mistyped, too', () => {
    for (const url of ['postgres//me:hunter2hunter@host/d', 'postgresq://me:hunter2hunter@host/d']) {
      expect(() => pipeline({ source: 'sql', url, table: 't' }, {})).toThrow(/url: /);
      expect(() => pipeline({ source: 'sql', url, table: 't' }, {})).not.toThrow(/hunter2hunter/);
    }
  });

  test('is left out of a text in each of its forms', () => {
    expect(withoutValues('a b/ü a%20b/%C3%BC a%20b%2F%C3%BC a+b%2F%C3%BC c', ['a b/ü'])).toBe(
      '[secret] [secret] [secret] [secret] c',
    );
  });
});
