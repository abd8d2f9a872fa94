import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { concealSecrets } from '../../src/discover/ask/secrets.js';
import { secretsBeside, writeSecrets } from '../../src/discover/write/env-file.js';

const target = { url: 'https://x.example/a', method: 'GET', headers: {} } as const;

describe('the secrets of a request', () => {
  it('become variables: in headers, in the query, in the user of a URL, in a body', () => {
    const { target: concealed, secrets } = concealSecrets(
      {
        url: 'https://me:pw@x.example/a?limit=5&api_key=k-1',
        method: 'POST',
        headers: { 'x-api-key': 'k-2', 'x-version': '3' },
        body: { password: 'p-1', filter: { since: 1 } },
      },
      'X',
    );
    expect(JSON.stringify(concealed)).not.toMatch(/k-1|k-2|p-1|"pw"/);
    expect(concealed).toMatchObject({
      auth: { type: 'basic', username: 'me', password: `\${X_PASSWORD}` },
      headers: { 'x-version': '3', 'x-api-key': `\${X_API_KEY}` },
      body: { password: `\${X_PASSWORD_2}`, filter: { since: 1 } },
    });
    expect(Object.values(secrets).toSorted()).toEqual(['k-1', 'k-2', 'p-1', 'pw']);
  });

  it('of an Authorization header become credentials of their kind', () => {
    const bearer = concealSecrets({ ...target, headers: { authorization: 'Bearer abc' } }, 'X');
    expect(bearer.target).toMatchObject({ auth: { type: 'bearer', token: `\${X_TOKEN}` }, headers: {} });
    const basic = concealSecrets({ ...target, headers: { authorization: `Basic ${btoa('me:pw')}` } }, 'X');
    expect(basic.target.auth).toEqual({ type: 'basic', username: 'me', password: `\${X_PASSWORD}` });
    const other = concealSecrets({ ...target, headers: { authorization: 'Klaviyo-API-Key k-9' } }, 'X');
    expect(other.target.headers).toEqual({ authorization: `\${X_AUTHORIZATION}` });
  });

  it('are known by what they look like, whatever they are called', () => {
    const token = '0123456789abcdefghijABCDEFGHIJ';
    const given = {
      ...target,
      url: `https://x.example/a?hapikey=${token}&after=${token}`,
      headers: { 'x-tenant': token },
    };
    const { target: concealed, secrets } = concealSecrets(
      { ...given, headers: { ...given.headers, accept: 'application/vnd.example.v3+json' } },
      'X',
    );
    expect(Object.values(secrets)).toEqual([token]);
    expect(JSON.stringify({ ...concealed, url: concealed.url.replace(`after=${token}`, '') })).not.toContain(token);
    expect(concealed.headers.accept).toBe('application/vnd.example.v3+json');
  });

  it('may be the user, the path, or an entry of a form', () => {
    const key = concealSecrets({ ...target, auth: { type: 'basic', username: 'sk_test_123', password: '' } }, 'X');
    expect(key.target.auth).toEqual({ type: 'basic', username: `\${X_KEY}`, password: '' });
    const header = concealSecrets({ ...target, headers: { authorization: `Basic ${btoa('sk_test_123:')}` } }, 'X');
    expect(header.target.auth).toMatchObject({ username: `\${X_KEY}` });
    const bot = concealSecrets({ ...target, url: `https://x.example/bot123456:${'a'.repeat(35)}/getUpdates` }, 'X');
    expect(bot.target.url).toBe(`https://x.example/bot\${X_TOKEN}/getUpdates`);
    const form = concealSecrets({ ...target, method: 'POST', form: { client_secret: 'c-1', grant: 'x' } }, 'X');
    expect(form.target.form).toEqual({ client_secret: `\${X_CLIENT_SECRET}`, grant: 'x' });
  });

  it('that are variables already stay, and page tokens are none', () => {
    const { target: concealed, secrets } = concealSecrets(
      { ...target, url: 'https://x.example/a?pageToken=abc', headers: { authorization: `Bearer \${MINE}` } },
      'X',
    );
    expect(concealed).toMatchObject({
      url: 'https://x.example/a?pageToken=abc',
      auth: { type: 'bearer', token: `\${MINE}` },
    });
    expect(secrets).toEqual({});
  });

  it('take no name that stands for another value', () => {
    const { secrets } = concealSecrets({ ...target, headers: { authorization: 'Bearer abc' } }, 'X', {
      X_TOKEN: 'other',
    });
    expect(secrets).toEqual({ X_TOKEN_2: 'abc' });
  });
});

describe('the .env file', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tributary-discover-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('may be read by its owner alone, is ignored by git, and keeps what stands in it', () => {
    writeFileSync(join(folder, '.env'), 'MINE=1');
    const pipeline = join(folder, 'pipeline.yaml');
    expect(writeSecrets(pipeline, { X_TOKEN: "it's $5" }, {})).toMatchObject({ names: ['X_TOKEN'] });
    writeSecrets(pipeline, { X_TOKEN: "it's $5" }, {});
    expect(statSync(join(folder, '.env')).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(folder, '.env'), 'utf8')).toBe(`MINE=1\nX_TOKEN='it'\\''s $5'\n`);
    expect(readFileSync(join(folder, '.gitignore'), 'utf8')).toBe('.env\n');
  });

  it('is not written for what the environment has', () => {
    expect(writeSecrets(join(folder, 'pipeline.yaml'), { X_TOKEN: 'abc' }, { X_TOKEN: 'abc' })).toBeUndefined();
    expect(existsSync(join(folder, '.env'))).toBe(false);
  });

  it('is read again', () => {
    writeSecrets(join(folder, 'pipeline.yaml'), { X_TOKEN: 'abc=' }, {});
    expect(secretsBeside(join(folder, 'pipeline.yaml'))).toEqual({ X_TOKEN: 'abc=' });
  });
});
