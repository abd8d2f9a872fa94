import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parsePipeline, systemClock } from '@tributary/shared';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseCurl } from '../../src/discover/ask/curl.js';
import { concealSecrets } from '../../src/discover/ask/secrets.js';
import { draftOfFiles } from '../../src/discover/given/files.js';
import { draftOfOpenApi } from '../../src/discover/given/openapi.js';
import { pipelineText } from '../../src/discover/write/document.js';
import { secretsBeside, writeSecrets } from '../../src/discover/write/env-file.js';

/** What stands for a placeholder. */
const filled = (name: string): string => `\${${name}}`;

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'discover-hostile-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

const get = (schema: object, more: object = {}) => ({
  get: { ...more, responses: { 200: { content: { 'application/json': { schema } } } } },
});
const listOf = (properties: object) => ({ type: 'array', items: { type: 'object', properties } });
const GOOD = get(listOf({ id: { type: 'integer' }, name: { type: 'string' } }));
const many = (schema: object, count = 40) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`p${index}`, schema]));

function described(paths: object, schemas: object = {}) {
  const text = JSON.stringify({ paths: { ...paths, '/goods': GOOD }, components: { schemas } });
  const draft = draftOfOpenApi({ text, from: 'o.json' });
  const env = Object.fromEntries(draft.wanted.map((name) => [name, 'unset']));
  return { draft, config: parsePipeline(pipelineText(draft, undefined, '').text, env, 'o.json') };
}

describe('a description that is no good costs nothing but what it describes so:', () => {
  const A = { $ref: '#/components/schemas/A' };
  it.each([
    ['is one of itself', { oneOf: [A] }],
    ['is any of itself, within all of it', { allOf: [{ anyOf: [A] }] }],
    ['holds itself in a list, in forty ways', { type: 'array', items: { type: 'object', properties: many(A) } }],
    ['holds itself in forty ways', { type: 'object', properties: many(A) }],
    ['is a list of lists of itself', { type: 'array', items: { type: 'array', items: listOf(many(A)) } }],
  ])('a schema that %s', (_name, schema) => {
    expect(Object.keys(described({ '/odd': get(A) }, { A: schema }).config.endpoints)).toContain('goods');
  });

  it.each([
    ['a path', { [`/a/${filled('HOME')}`]: GOOD }],
    ['a path with a placeholder of ours', { '/a/{{since}}': GOOD }],
    [
      'a name of what it wants',
      { '/a': get(listOf({ id: { type: 'integer' } }), { security: [] }), [`/b/${filled('file:/etc/passwd')}`]: GOOD },
    ],
  ])('%s that looks like a setting', (_name, paths) => {
    const { draft, config } = described(paths);
    expect(Object.keys(config.endpoints)).toContain('goods');
    expect(draft.notes.join('\n')).toContain('left out: /');
  });

  it.each(['', '1x', 'é', '-', '__', 'a b'])('a parameter called "%s" gets a variable that a shell can set', (name) => {
    const { draft } = described({
      '/a': get(listOf({ id: { type: 'integer' } }), { parameters: [{ in: 'query', name, required: true }] }),
    });
    expect(draft.wanted).toHaveLength(1);
    expect(draft.wanted[0]).toMatch(/^[A-Z][A-Z0-9_]*$/);
  });
});

it.each([
  `${filled('HOME')}.csv`,
  '{{since}}.csv',
  `a${filled('file:/etc/passwd').replaceAll('/', '')}.csv`,
  '*.csv',
  'go?ds.csv',
  '{goods,x}.csv',
])('a file called %s costs no other', async (name) => {
  const at = folder();
  for (const one of [name, 'goods.csv']) writeFileSync(join(at, one), 'id,name\n1,a\n2,b\n3,c\n');
  const signal = new AbortController().signal;
  const draft = await draftOfFiles({ path: at, env: { HOME: '/root' }, clock: systemClock, signal });
  const { endpoints } = parsePipeline(pipelineText(draft, undefined, '').text, {}, 'found.yaml');
  expect(Object.keys(endpoints)).toEqual(['goods']);
  expect(draft.notes.join('\n')).toContain('left out: ');
});

describe('a curl line', () => {
  it.each([
    '-d @/etc/passwd',
    '--data-binary @/etc/passwd',
    '--json @/etc/passwd',
    '--data-urlencode @/etc/passwd',
    '--data-urlencode name@/etc/passwd',
    '--url-query name@/etc/passwd',
    '-H @/etc/passwd',
    '-b /etc/passwd',
  ])('with %s is refused: it would read a file, whose name is no content either', (option) => {
    expect(() => parseCurl(`curl https://x.example/a ${option}`)).toThrow(/reads a file/);
  });

  it.each(['--data-raw @mention', '--data-urlencode to=me@x.example', '-b a=b'])('with %s is taken', (option) => {
    expect(parseCurl(`curl https://x.example/a ${option}`).url).toBe('https://x.example/a');
  });
});

const JWT = `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.${'s'.repeat(20)}`;
describe('what is secret by its form becomes a variable:', () => {
  it.each([
    ['a JWT, whatever it is called', `https://x.example/a?x=${JWT}`],
    ['a session', 'https://x.example/a?session=0123456789abcdef0123456789abcdef'],
    ['a code', 'https://x.example/a?code=0123456789abcdef0123456789abcdef=='],
    ['a credential of S3', 'https://x.example/a?X-Amz-Credential=AKIDEXAMPLE0123456789/20261129/us-east-1/s3'],
    ['a token of GitHub', `https://x.example/a?q=ghp_${'a1'.repeat(18)}`],
    ['a key in the path', `https://x.example/v1/sk_live_${'a1'.repeat(12)}/orders`],
    ['a JWT in the path', `https://x.example/${JWT}/orders`],
  ])('%s', (_name, url) => {
    const { target, secrets } = concealSecrets({ url, method: 'GET', headers: {} }, 'X');
    const [value = 'none'] = Object.values(secrets);
    expect(url).toContain(value);
    expect(JSON.stringify(target)).not.toContain(value);
  });

  it('in a body', () => {
    const target = { url: 'https://x.example/a', method: 'POST', headers: {}, body: { any: { thing: JWT } } } as const;
    expect(JSON.stringify(concealSecrets(target, 'X').target)).not.toContain(JWT);
  });

  it.each([
    'https://x.example/a?page_token=0123456789abcdef0123456789abcdef',
    'https://x.example/a?code=DE&session=2026',
  ])('and nothing else: %s', (url) => {
    expect(concealSecrets({ url, method: 'GET', headers: {} }, 'X').target.url).toBe(url);
  });
});

it.each([
  "it's",
  `a'\nHTTPS_PROXY=http://evil\n#`,
  `a'$HOME\nHTTPS_PROXY=http://evil\n'"`,
  `'`,
  `''"`,
  '$(id)`id`',
  'a\\nb',
  `x'\\''y"`,
  '#!x',
])('the value %j is read as it was by a shell and by the next discover, and is no other variable', (value) => {
  const at = folder();
  const secrets = { FIRST: 'plain', X_TOKEN: value, LAST: `it's "last"` };
  writeSecrets(join(at, 'pipeline.yaml'), secrets, {});
  expect(secretsBeside(join(at, 'pipeline.yaml'))).toEqual(secrets);
  const script = 'set -a; . ./.env; printf "%s\\0%s\\0%s" "$X_TOKEN" "$LAST" "$HTTPS_PROXY"';
  const env = { PATH: process.env.PATH };
  expect(execFileSync('sh', ['-c', script], { cwd: at, env }).toString().split('\0')).toEqual([
    value,
    secrets.LAST,
    '',
  ]);
});

it('a variable that is written again is read as the later line has it', () => {
  const at = folder();
  for (const X_TOKEN of [`it's "one"`, 'two']) writeSecrets(join(at, 'pipeline.yaml'), { X_TOKEN }, {});
  expect(secretsBeside(join(at, 'pipeline.yaml'))).toEqual({ X_TOKEN: 'two' });
});
