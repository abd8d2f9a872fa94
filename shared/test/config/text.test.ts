import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, type Environment, parsePipeline, stringifyJson } from '@tributary/shared';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { restOf } from './rest-endpoint.js';

const GOOD = `
entities:
  post:
    dataset: posts
    queue: posts_data
    key: id
    fields: { id: integer }
endpoints:
  blog:
    url: http://127.0.0.1:1/posts
    entity: post
`;

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function secretFile(content: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-text-'));
  folders.push(folder);
  writeFileSync(join(folder, 'secret'), content);
  return join(folder, 'secret');
}

/** The endpoint with these settings, in a pipeline that is right otherwise. */
function endpoint(settings: string, env: Environment = {}) {
  const lines = settings.split('\n').map((line) => `    ${line}\n`);
  return restOf(parsePipeline(GOOD + lines.join(''), env, 'test.yaml').endpoints.blog);
}

/** Everything that is told of a pipeline. */
function told(text: string, env: Environment = {}): string {
  try {
    parsePipeline(text, env, 'test.yaml');
    return '';
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message;
  }
}

/** Texts that YAML alone takes for something else. */
const TEXTS = ['00712345', '712345', '1.10', '12345678901234567890', '1e3', '0x1F', '.5', '+49', 'true', '-0', '1_000'];

describe('text stays text where text is expected', () => {
  test.each(TEXTS)('%s, from a variable, a default, a secret file, and in the file itself', (text) => {
    const forms = [
      `account: "\${A}"`,
      `account: \${A}`,
      `account: \${UNSET:-${text}}`,
      `account: \${file:${secretFile(`${text}\n`)}}`,
      `account: ${text}`,
      `account: "${text}"`,
    ];
    for (const form of forms) {
      expect([form, endpoint(`query:\n  ${form}`, { A: text }).query.account]).toEqual([form, text]);
    }
  });

  test.each(TEXTS)('%s as a token, a user, a password and a key', (text) => {
    const auth = (settings: string) => endpoint(`auth: ${settings}`, { T: text }).auth;
    expect(auth(`{ type: bearer, token: "\${T}" }`)).toMatchObject({ token: text });
    expect(auth(`{ type: basic, username: ${text}, password: "\${T}" }`)).toMatchObject({
      username: text,
      password: text,
    });
    expect(auth(`{ type: api-key, name: X-Key, value: "\${T}" }`)).toMatchObject({ value: text });
  });

  test('whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }), (text) => {
        expect(endpoint(`query:\n  a: \${A}\n  b: "x\${A}"`, { A: text }).query).toEqual({ a: text, b: `x${text}` });
      }),
    );
  });

  test('and so do names of settings that may have any', () => {
    expect(endpoint('query: { 007: a, 1.10: b, true: c }').query).toEqual({ '007': 'a', '1.10': 'b', true: 'c' });
  });

  test('in every list of values, such as those that an endpoint is polled for', () => {
    const { endpoints } = parsePipeline(`${GOOD}    for: { shop: [007, 1.10, "\${S}"] }\n`, { S: '0815' }, 'test.yaml');
    expect(Object.values(endpoints).map((one) => one.for.shop)).toEqual([['007'], ['1.10'], ['0815']]);
  });

  test('a secret file gives all that is in it, but for its line end and its byte order mark', () => {
    const header = (content: string) => endpoint(`headers: { x: "\${file:${secretFile(content)}}" }`).headers.x;
    expect(header('\uFEFF007\r\n')).toBe('007');
    expect(header(' two words \n\n')).toBe(' two words ');
    expect(header('42')).toBe('42');
  });
});

describe('a number or a truth value is taken from text where one is expected', () => {
  test.each([
    [`retries: \${N:-5}`, { retries: 5 }],
    [`retries: "\${N:-05}"`, { retries: 5 }],
    [`paging: { type: offset, size: "\${N:-250}" }`, { paging: { size: 250 } }],
    [`enabled: \${ON:-false}`, { enabled: false }],
    [`maxBodySize: "\${M:-1024}"`, { maxBodySize: 1024 }],
    [`maxBodySize: "\${M:-1KB}"`, { maxBodySize: 1024 }],
    ['maxBodySize: 1024', { maxBodySize: 1024 }],
    [`schedule: { every: "\${EVERY:-5s}" }`, { schedule: { every: 5_000 } }],
    [`schedule: { once: "\${ONCE:-true}" }`, { schedule: { once: true } }],
    ['errorWhen: false', { errorWhen: false }],
    [`errorWhen: \${E:-false}`, { errorWhen: false }],
    [`errorWhen: "\${E:-$.error}"`, { errorWhen: '$.error' }],
  ])('%s', (settings, expected) => {
    expect(endpoint(settings)).toMatchObject(expected);
  });

  test('and told as what was written where it is none', () => {
    expect(told(`${GOOD}    retries: \${N}\n`, { N: 'many' })).toContain(
      'retries: "many" is not valid: expected a number',
    );
    expect(told(`${GOOD}    retries: 12345678901234567890\n`)).toContain('12345678901234567890 is not valid');
    expect(told(`${GOOD}    retries: "5"\n`)).toContain('"5" is not valid: expected a number');
    expect(told(`${GOOD}    enabled: \${N}\n`, { N: '1' })).toContain('1 is not valid: expected true or false');
  });
});

describe("a request's body, where anything may stand,", () => {
  const body = (settings: string, env: Environment = {}) =>
    stringifyJson(endpoint(`body:\n  x: ${settings}`, env).body);

  test.each([
    ['12345678901234567890', '{"x":12345678901234567890}'],
    ['1.10', '{"x":1.10}'],
    ['00712345', '{"x":"00712345"}'],
    ['+4930737400', '{"x":"+4930737400"}'],
    ['5', '{"x":5}'],
    ['true', '{"x":true}'],
    ['"5"', '{"x":"5"}'],
    ['0x1F', '{"x":31}'],
    ['~', '{"x":null}'],
  ])('holds %s as it is written', (written, sent) => {
    expect(body(written)).toBe(sent);
  });

  test.each([
    ['25', '25'],
    ['00712345', '"00712345"'],
    ['1.10', '1.10'],
    ['false', 'false'],
    ['null', '"null"'],
    ['12345678901234567890', '12345678901234567890'],
  ])('holds a variable of %s as text within quotes, and without them as if it stood there', (value, bare) => {
    expect(body(`"\${V}"`, { V: value })).toBe(`{"x":"${value}"}`);
    expect(body(`\${V}`, { V: value })).toBe(`{"x":${bare}}`);
  });
});

test('a fault shows every digit of a number that is too large', () => {
  for (const written of ['98765432109876543210', `"\${N}"`, `\${N}`]) {
    const message = told(`${GOOD}    maxPages: ${written}\n`, { N: '98765432109876543210' });
    expect(message).toContain('endpoints.blog.maxPages: 98765432109876543210 is not valid');
  }
});

describe('a fault never shows a secret', () => {
  const SECRETS = ['712345', '42', '7', 'x9', 'true', 'hunter2', `-----BEGIN ${'k'.repeat(300)}`];

  test.each(SECRETS)('%s, in the wrong place', (secret) => {
    const wrong = [
      ['entity', 'entity: post', `entity: "\${T}"`],
      ['retries', 'entity: post', `entity: post\n    retries: \${API_TOKEN}`],
      ['items', 'entity: post', `entity: post\n    items: "$.a[\${T}"`],
      ['url', 'http://127.0.0.1:1/posts', `"\${T}"`],
      ['paging', 'entity: post', `entity: post\n    paging: "\${T}"`],
      ['key', 'key: id', `key: "\${T}"`],
      ['sink', 'entities:', `sink: { type: "\${API_TOKEN}" }\nentities:`],
    ];
    for (const [name = '', place = '', instead = ''] of wrong) {
      const message = told(
        `${GOOD.replace(place, instead)}    headers: { authorization: "Bearer \${T}", x: "\${API_TOKEN}" }\n    tiemout: 5s\n`,
        { T: secret, API_TOKEN: secret },
      );
      expect([name, message]).toEqual([name, expect.stringContaining('tiemout')]);
      const shown = message.replaceAll(/\b(7d|true or false|expected true)\b/g, '');
      expect([name, shown]).toEqual([
        name,
        expect.not.stringMatching(new RegExp(`(^|[^\\w])${secret.slice(0, 20)}($|[^\\w])`)),
      ]);
    }
  });

  test.each(['http://user:a#b@host/', 'http://user:a/4@host/', 'http://user:p?w@host', 'ftp://user:se@cret@host/'])(
    'the user of a URL that is no good one, %s',
    (url) => {
      const message = told(GOOD.replace('http://127.0.0.1:1/posts', url));
      expect(message).toMatch(/endpoints.blog.url: "\w+:\/\/\.\.\.@host\/?" is not valid/);
    },
  );

  test.each([['12'], ['4711'], ['"abc'], ['s3cr3t']])('%s, from a file', (secret) => {
    const message = told(`${GOOD}    priority: "\${file:${secretFile(secret)}}"\n`);
    expect(message).toMatch(/priority: "\$\{file:\S+\}" is not valid: expected one of critical/);
    expect(message).not.toContain(`"${secret}`);
  });

  test('that stands in the file itself', () => {
    expect(told(`${GOOD}    auth: { type: bearer, token: [12345678] }\n`)).toMatch(
      /auth\.token: what stands here is not valid: expected text$/,
    );
    expect(told(`${GOOD}    headers: { authorization: { hunter2: x } }\n`)).not.toContain('hunter2');
    expect(told(`${GOOD}    tls: { ca: [hunter2] }\n`)).not.toContain('hunter2');
    expect(told(`${GOOD}    auth: { type: beerer, token: x }\n`)).toContain('expected a type: bearer');
  });
});
