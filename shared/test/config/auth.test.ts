import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { ConfigError, keepsToken, parsePipeline } from '@tributary/shared';
import { describe, expect, it } from 'vitest';
import { restOf } from './rest-endpoint.js';

function read(auth: object, more: object = {}) {
  const entities = { post: { dataset: 'posts', queue: 'posts', key: 'id', fields: { id: 'integer' } } };
  const blog = { url: 'http://127.0.0.1:1/posts', entity: 'post', auth, ...more };
  return restOf(parsePipeline(JSON.stringify({ entities, endpoints: { blog } }), {}, 'test.yaml').endpoints.blog).auth;
}

function faults(auth: object, more: object = {}): string[] {
  try {
    read(auth, more);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults.map(({ path, message }) => `${path.replace('endpoints.blog.', '')}: ${message}`);
  }
}

const pem = (key: KeyObject, type: 'pkcs8' | 'spki' = 'pkcs8') => String(key.export({ type, format: 'pem' }));
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'secp384r1' });

describe('OAuth 2', () => {
  const oauth2 = { type: 'oauth2', tokenUrl: 'http://127.0.0.1:1/token', clientId: 'me' };

  it.each([
    ['client credentials', { clientSecret: 's' }, false],
    ['a refresh token, with a first token that is empty', { refreshToken: 'r', token: '' }, true],
    [
      'a refresh token, by the name of its grant',
      { grant: 'refresh-token', refreshToken: 'r', clientSecret: '' },
      true,
    ],
  ])('takes %s', (_what, settings, keeps) => {
    expect(faults({ ...oauth2, ...settings })).toEqual([]);
    expect(keepsToken(read({ ...oauth2, ...settings }))).toBe(keeps);
  });

  it.each([
    ['no secret', {}, 'auth.clientSecret: missing: client credentials are asked for with it'],
    [
      'no refresh token',
      { grant: 'refresh-token' },
      'auth.refreshToken: missing: the grant refresh-token asks with it',
    ],
    [
      'a token that nothing renews',
      { clientSecret: 's', token: 't' },
      'auth.token: is of no use to client credentials: leave it out, or set grant: refresh-token',
    ],
    [
      'a refresh token that is not used',
      { grant: 'client-credentials', clientSecret: 's', refreshToken: 'r' },
      'auth.refreshToken: is of no use to client credentials: leave it out, or set grant: refresh-token',
    ],
    [
      'a grant that needs a person',
      { grant: 'authorization-code', clientSecret: 's' },
      'auth.grant: "authorization-code" is not valid: expected client-credentials or refresh-token',
    ],
  ])('refuses %s', (_what, settings, fault) => {
    expect(faults({ ...oauth2, ...settings })).toEqual([expect.stringContaining(fault)]);
  });
});

describe('a JWT', () => {
  const jwt = { type: 'jwt-bearer', tokenUrl: 'http://127.0.0.1:1/token', issuer: 'me', key: pem(rsa.privateKey) };

  it.each([
    ['no URL to exchange it at', { tokenUrl: undefined }, /^auth\.tokenUrl: missing: .*assertion: header/],
    [
      'a URL where it is itself the token',
      { assertion: 'header' },
      /^auth\.tokenUrl: is of no use to assertion: header/,
    ],
    [
      'a form where nothing is asked for',
      { assertion: 'header', tokenUrl: undefined, form: { a: 1 } },
      /^auth: assertion: header asks for no token/,
    ],
    ['a place for scopes that are not there', { scopeIn: 'form' }, /^auth\.scopeIn: there is no scope/],
    ['a key that is none', { key: 'key-12345' }, /^auth\.key: is no PEM text: expected a private key/],
    ['a key of digits', { key: '1234567890' }, /^auth\.key: is no PEM text/],
    ['a public key', { key: pem(rsa.publicKey, 'spki') }, /^auth\.key: is a public key/],
    [
      'a key that is cut off',
      { key: pem(rsa.privateKey).slice(0, 400) },
      /^auth\.key: cannot be read as a private key/,
    ],
    [
      'a key of another kind',
      { key: pem(ec.privateKey) },
      /^auth\.key: is a key of another kind \(ec, secp384r1\) than RS256 signs with \(rsa\)/,
    ],
    [
      'a key of another curve',
      { key: pem(ec.privateKey), algorithm: 'ES256' },
      /\(ec, secp384r1\) than ES256 signs with \(ec, prime256v1\)/,
    ],
    ['a PEM text for a secret', { algorithm: 'HS256' }, /^auth\.key: HS256 signs with a secret/],
    [
      'an encrypted key without its passphrase',
      { key: String(rsa.privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })) },
      /^auth\.key: is encrypted: set its passphrase/,
    ],
    [
      'a key that is too short',
      { key: pem(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey) },
      /^auth\.key: has 1024 bits: RS256 needs 2048 or more/,
    ],
    ['an algorithm that signs nothing', { algorithm: 'none' }, /^auth\.algorithm: "none" is not valid/],
  ])('is refused with %s, and the key is not shown', (_what, settings, fault) => {
    const found = faults({ ...jwt, ...settings });
    expect(found).toEqual([expect.stringMatching(fault)]);
    expect(found.join()).not.toMatch(/MII|12345/);
  });

  it.each([
    ['exchanged', {}],
    ['of another curve', { key: pem(ec.privateKey), algorithm: 'ES384' }],
    ['that is itself the token', { assertion: 'header', tokenUrl: undefined }],
    ['with a secret', { algorithm: 'HS256', key: 'secret' }],
  ])('is taken: %s', (_what, settings) => {
    expect(faults({ ...jwt, ...settings })).toEqual([]);
  });
});

describe('a login', () => {
  const login = { type: 'login', url: 'http://127.0.0.1:1/login', token: '$.token' };

  it.each([
    ['two bodies', { body: {}, form: {} }, /^auth: body and form stand beside each other/],
    ['a GET with a body', { method: 'GET', body: {} }, /^auth\.method: a GET sends no body/],
    [
      'a token in two places',
      { header: 'x', parameter: 'y' },
      /^auth\.parameter: the token goes into the query or into a header/,
    ],
    ['two ends', { lifetime: '1h', expires: '$.x' }, /^auth\.lifetime: expires tells it already/],
    ['a cookie without a name', { header: 'Cookie' }, /^auth\.prefix: missing: a cookie needs its name/],
    [
      'a place that is none',
      { token: { body: 'x' } },
      /^auth\.token: .*expected a path such as \$\.token, \{ header: X-Token \} or \{ cookie: session \}/,
    ],
    [
      'a login within a login',
      { auth: login },
      /^auth\.auth\.type: "login" is not valid: expected a type: bearer, basic, api-key, oauth2 or jwt-bearer/,
    ],
    [
      'faulty credentials of its own',
      { auth: { type: 'oauth2', tokenUrl: 'http://127.0.0.1:1/', clientId: 'x' } },
      /^auth\.auth\.clientSecret: missing/,
    ],
  ])('is refused with %s', (_what, settings, fault) => {
    expect(faults({ ...login, ...settings })).toEqual([expect.stringMatching(fault)]);
  });
});

describe('credentials that are set twice', () => {
  const url = 'http://127.0.0.1:1/';

  it.each([
    ['a token and an Authorization header', { type: 'bearer', token: 't' }, { headers: { Authorization: 'x' } }, 1],
    [
      'a login and an Authorization header',
      { type: 'login', url, token: '$.t' },
      { headers: { authorization: 'x' } },
      1,
    ],
    [
      'a JWT and a user in the URL',
      { type: 'jwt-bearer', tokenUrl: url, issuer: 'me', key: pem(rsa.privateKey) },
      { url: 'http://a:b@127.0.0.1:1/' },
      1,
    ],
    [
      'a key and a header of its name',
      { type: 'api-key', name: 'X-Key', value: 'k' },
      { headers: { 'x-key': 'l' } },
      1,
    ],
    [
      'a login in a header of its own',
      { type: 'login', url, token: '$.t', header: 'X-Token' },
      { headers: { authorization: 'x' } },
      0,
    ],
    [
      'a session beside another cookie',
      { type: 'login', url, token: { cookie: 'sid' } },
      { headers: { cookie: 'a=b' } },
      0,
    ],
  ])('are refused: %s', (_what, auth, more, count) => {
    const twice = faults(auth, more).filter((fault) => fault.startsWith('auth: credentials are set twice'));
    expect(twice).toHaveLength(count);
  });
});
