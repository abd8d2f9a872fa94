import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { checkInProcess } from '../../src/configuration/check.js';
import { readConfiguration, STAND_IN } from '../../src/configuration/configuration.js';

const FILE = `
# a comment with https://anna:pass-in-comment@example.org
entities:
  customer: { dataset: customers, queue: customer_data, key: id, fields: { id: string } }
endpoints:
  one:
    url: https://api.example.org/\${PATH_TOKEN}/one
    entity: customer
    schedule: { every: "\${EVERY}" }
    auth: { type: bearer, token: in-the-file-itself }
    headers: { x-api-key: header-in-file, accept: application/json }
  two:
    url: \${BASE}/two
    entity: customer
    auth: { type: basic, username: "\${NAME}", password: "\${PASSWORD}" }
  three: { url: "https://user:in-the-url@c.example/x", entity: customer }
alerts:
  channels: { chat: { type: slack, url: "https://hooks.example/services/slack-in-file" } }
`;
const ENV = {
  PATH_TOKEN: 'path-token-value',
  EVERY: '30s',
  BASE: 'https://b.example/x?key=base-key',
  NAME: 'ops',
  PASSWORD: 'password-value',
};

describe('the configuration on a page', () => {
  let folder: string;
  let file: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'configuration-'));
    file = join(folder, 'pipeline.yaml');
    await writeFile(file, FILE);
    await writeFile(join(folder, 'secret'), 'what-is-in-the-secret-file');
  });
  afterAll(() => rm(folder, { recursive: true }));
  const check = (text: string, signal = new AbortController().signal) => {
    const { standIns } = readConfiguration(file, ENV);
    return checkInProcess({ text, file: 'pipeline.yaml', standIns, standIn: STAND_IN }, signal);
  };

  it.each([
    ['a key of S3', 'endpoints: { a: { s3: { accessKey: SECRET-1, secretKey: SECRET-2, sessionToken: SECRET-3 } } }'],
    ['a key of S3 of an export', 'exports: { a: { s3: { accessKey: SECRET-1, secretKey: SECRET-2 } } }'],
    ['a part beside a placeholder', `endpoints: { a: { headers: { authorization: "Bearer SECRET-1\${REST}" } } }`],
    ['the default of a variable', `endpoints: { a: { auth: { type: bearer, token: "\${T:-SECRET-1}" } } }`],
    [
      'the default of a variable that is called secret',
      `endpoints: { a: { url: "https://a.example/\${TOKEN:-SECRET-1}" } }`,
    ],
    ['an alias', 'endpoints: { a: { query: { q: &q SECRET-1 } }, b: { auth: { type: bearer, token: *q } } }'],
    ['mappings that are merged in', 'x: &x { token: SECRET-1 }\nendpoints: { a: { auth: { type: bearer, <<: *x } } }'],
    ['a parameter of a URL', 'endpoints: { a: { url: "https://a.example/x?page=2&api_key=SECRET-1&sig=SECRET-2" } }'],
    ['the user of a URL', 'endpoints: { a: { url: "https://SECRET-1@a.example/x" } }'],
    [
      'a password with an @, and behind a placeholder',
      `endpoints: { a: { url: "https://u:\${P}SEC@RET-1@a.example/" } }`,
    ],
    ['a list below a name', 'endpoints: { a: { body: { passwords: [SECRET-1] } } }'],
    ['a setting in a comment', 'endpoints: {} # token: SECRET-1\n# "password": "SECRET-2 of two words"'],
    ['a block', 'endpoints:\n  a:\n    auth:\n      token: |\n        SECRET-1\n      type: bearer'],
  ])('masks %s, and leaves the file as valid as it was', async (_what, written) => {
    const own = join(folder, 'own.yaml');
    await writeFile(own, written);
    const { text } = readConfiguration(own, {});
    expect(text).not.toMatch(/SECRET|RET-1/);
    expect(() => parse(text, { merge: true })).not.toThrow();
  });

  it.each([
    `endpoints: { a: { url: "https://\${USER}:\${PASSWORD}@a.example/?token=\${TOKEN}&author=Ada" } }`,
    `endpoints: { a: { headers: { authorization: "Bearer \${TOKEN}" } } } # the key: see the wiki for it`,
    'entities: { a: { key: id, fields: { token: string, author: "string? $.author.key" } } }',
  ])('shows %s as it is', async (written) => {
    const own = join(folder, 'own.yaml');
    await writeFile(own, written);
    expect(readConfiguration(own, {}).text).toBe(written);
  });

  it('shows the file with its placeholders and comments, and nothing secret', () => {
    const { text } = readConfiguration(file, ENV);
    for (const secret of [
      'pass-in-comment',
      'in-the-url',
      'in-the-file-itself',
      'header-in-file',
      'slack-in-file',
      ...Object.values(ENV).slice(2),
    ])
      expect(text).not.toContain(secret);
    for (const shown of [
      '# a comment',
      `\${PASSWORD}`,
      `\${PATH_TOKEN}`,
      'accept: application/json',
      'key: id',
      'type: bearer',
    ])
      expect(text).toContain(shown);
  });

  it('knows when the file is another than the one that runs', async () => {
    const configuration = readConfiguration(file, ENV);
    expect(configuration.hasChanged()).toBe(false);
    await writeFile(file, `${FILE}# more\n`);
    expect(configuration.hasChanged()).toBe(true);
    await writeFile(file, FILE);
  });

  it('checks what it shows, with masks in the place of secrets', async () => {
    const { text } = readConfiguration(file, ENV);
    expect(await check(text)).toMatchObject({ valid: true });
    expect(await check(FILE)).toMatchObject({
      valid: true,
      words: 'it is valid: 3 endpoints, entities: customer; sink: csv',
    });
  });

  it('tells every fault in the words of check, and which variables are new', async () => {
    const edited = FILE.replace(`every: "\${EVERY}"`, 'every: 30').replace(`\${NAME}`, `\${FRESH}`);
    expect(await check(edited)).toEqual({
      valid: false,
      words: 'it has 1 fault',
      faults: [
        { path: 'endpoints.one.schedule.every', message: expect.stringContaining('expected a duration with its unit') },
      ],
      notes: ['FRESH is not filled in here: set it for producer, consumer and dashboard'],
    });
  });

  it('fills in nothing of the environment that is secret, and reads no file that the text names', async () => {
    for (const placeholder of [
      `\${PASSWORD}`,
      `\${PATH_TOKEN}`,
      `\${BASE}`,
      `\${file:${join(folder, 'secret')}}`,
      `\${HOME}`,
      '"\\u0024{file:/etc/passwd}"',
    ]) {
      const { faults } = await check(FILE.replace('entity: customer', `entity: ${placeholder}`));
      const told = JSON.stringify(faults);
      for (const secret of [
        'password-value',
        'path-token-value',
        'base-key',
        'what-is-in',
        process.env.HOME ?? '/root',
        'root:',
      ])
        expect(told).not.toContain(secret);
    }
  });

  it('refuses YAML that unfolds to gigabytes, or is no YAML, and goes on', async () => {
    const bomb = [
      'a: &a0 [x,x,x,x,x,x,x,x,x]',
      ...Array.from({ length: 20 }, (_, n) => `b${n}: &a${n + 1} [${Array(9).fill(`*a${n}`).join(',')}]`),
    ].join('\n');
    const outcome = await check(bomb).catch((error: Error) => error.message);
    expect(JSON.stringify(outcome)).toMatch(/alias|too_costly|unfolds|MB/i);
    expect(await check('a: [')).toMatchObject({ valid: false });
    expect(await check('x'.repeat(400_000))).toMatchObject({ valid: false });
    expect(await check(FILE)).toMatchObject({ valid: true });
  });

  it('ends with its reader', async () => {
    const leaving = new AbortController();
    const checking = check(FILE, leaving.signal);
    leaving.abort(new Error('gone'));
    await expect(checking).rejects.toThrow('gone');
  });
});
