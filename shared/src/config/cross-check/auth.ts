import { createPrivateKey } from 'node:crypto';
import type { Fault } from '../fault.js';
import { type AuthConfig, type AuthKind, type AuthOf, authHeader, grantOf, placeOf } from '../kinds/auth.js';
import { JWT_KEYS } from '../kinds/auth-settings.js';
import type { EndpointOf } from '../schema.js';

/** What credentials cannot be: two in one header, settings that another choice among them makes useless, a key that is none. */
export function* checkAuth(path: string, { auth, headers, url }: EndpointOf<'rest'>): Generator<Fault> {
  if (auth === undefined) return;
  const header = authHeader(auth);
  const inUrl = header === 'authorization' && /^\w+:\/\/[^/?#]*@/.test(url);
  const inHeaders = Object.keys(headers).some((name) => name.toLowerCase() === header);
  if (inUrl || inHeaders) {
    const message = `credentials are set twice: here, and in the URL or in an ${header} header; keep one`;
    // A cookie of the settings goes beside the one of a session.
    if (header !== 'cookie') yield { path, message };
  }
  yield* checkKind(path, auth);
}

type Check<K extends AuthKind> = (path: string, auth: AuthOf<K>) => Iterable<Fault>;

const CHECKS: { readonly [K in AuthKind]: Check<K> } = {
  bearer: () => [],
  basic: () => [],
  'api-key': () => [],
  oauth2: checkOauth2,
  'jwt-bearer': checkJwt,
  login: checkLogin,
};

function* checkKind(path: string, auth: AuthConfig): Generator<Fault> {
  const kind: AuthKind = auth.type;
  yield* (CHECKS[kind] as (path: string, auth: AuthConfig) => Iterable<Fault>)(path, auth);
}

function* checkOauth2(path: string, auth: AuthOf<'oauth2'>): Generator<Fault> {
  const { clientSecret, refreshToken, token, credentialsIn } = auth;
  if (grantOf(auth) === 'refresh-token') {
    if (!refreshToken) yield { path: `${path}.refreshToken`, message: 'missing: the grant refresh-token asks with it' };
    return;
  }
  if (!clientSecret) {
    const message = `missing: client credentials are asked for with it${credentialsIn === 'header' ? '' : ' in the body'}; or set a refreshToken`;
    yield { path: `${path}.clientSecret`, message };
  }
  const useless = Object.entries({ refreshToken, token }).filter(([, value]) => value);
  for (const [name] of useless) {
    yield {
      path: `${path}.${name}`,
      message: 'is of no use to client credentials: leave it out, or set grant: refresh-token',
    };
  }
}

function* checkJwt(path: string, auth: AuthOf<'jwt-bearer'>): Generator<Fault> {
  const { assertion, tokenUrl, scope, scopeIn, form } = auth;
  if (assertion !== 'header' && tokenUrl === undefined) {
    const message =
      'missing: the JWT is exchanged for a token there; or set assertion: header, if it is itself the token';
    yield { path: `${path}.tokenUrl`, message };
  }
  if (assertion === 'header' && tokenUrl !== undefined) {
    const message =
      'is of no use to assertion: header, which sends the JWT itself with each request: leave one of them out';
    yield { path: `${path}.tokenUrl`, message };
  }
  if (assertion === 'header' && (scopeIn === 'form' || Object.keys(form).length > 0)) {
    yield { path, message: 'assertion: header asks for no token, so nothing carries form or scopeIn: form' };
  }
  if (scopeIn !== undefined && scope === undefined) yield { path: `${path}.scopeIn`, message: 'there is no scope' };
  const message = keyFault(auth);
  if (message !== undefined) yield { path: `${path}.key`, message };
}

/** What is wrong with a key, in words that show nothing of it. */
function keyFault({ key, passphrase, algorithm }: AuthOf<'jwt-bearer'>): string | undefined {
  const wanted: { readonly type: string; readonly curve?: string } = JWT_KEYS[algorithm];
  if (wanted.type === 'secret') {
    return key.startsWith('-----BEGIN')
      ? `${algorithm} signs with a secret, and this is a PEM text: set another algorithm`
      : undefined;
  }
  if (!key.startsWith('-----BEGIN')) {
    return 'is no PEM text: expected a private key, from "-----BEGIN PRIVATE KEY-----" to its end; read it from a file as secrets are';
  }
  if (/^-----BEGIN (?:PUBLIC KEY|CERTIFICATE)/.test(key))
    return 'is a public key or a certificate: expected the private key';
  if (/ENCRYPTED/.test(key.slice(0, 200)) && !passphrase) return 'is encrypted: set its passphrase';
  try {
    const { asymmetricKeyType: type, asymmetricKeyDetails } = createPrivateKey({ key, passphrase });
    const { namedCurve, modulusLength = 0 } = asymmetricKeyDetails ?? {};
    if (type !== wanted.type || (wanted.curve !== undefined && namedCurve !== wanted.curve)) {
      const found = namedCurve === undefined ? type : `${type}, ${namedCurve}`;
      const expected = wanted.curve === undefined ? wanted.type : `${wanted.type}, ${wanted.curve}`;
      return `is a key of another kind (${found}) than ${algorithm} signs with (${expected}): set the algorithm that fits`;
    }
    return type === 'rsa' && modulusLength < 2_048
      ? `has ${modulusLength} bits: ${algorithm} needs 2048 or more`
      : undefined;
  } catch {
    return 'cannot be read as a private key: it is cut off, or its passphrase is another one';
  }
}

function* checkLogin(path: string, auth: AuthOf<'login'>): Generator<Fault> {
  const { method, body, form, header, parameter, prefix, token, expires, lifetime } = auth;
  if (body !== undefined && form !== undefined) {
    yield {
      path,
      message: 'body and form stand beside each other: expected one of them, since a request has one body',
    };
  }
  if (method === 'GET' && (body !== undefined || form !== undefined)) {
    yield { path: `${path}.method`, message: 'a GET sends no body: leave method out, or say POST' };
  }
  if (parameter !== undefined && (header !== undefined || prefix !== undefined)) {
    yield {
      path: `${path}.parameter`,
      message: 'the token goes into the query or into a header: expected one of them',
    };
  }
  if (expires !== undefined && lifetime !== undefined) {
    yield { path: `${path}.lifetime`, message: 'expires tells it already: leave one of them out' };
  }
  const cookie = typeof token === 'object' && 'cookie' in token;
  if (!cookie && placeOf(auth).header === 'cookie' && prefix === undefined) {
    yield { path: `${path}.prefix`, message: 'missing: a cookie needs its name and a "=" before the token' };
  }
  if (auth.auth !== undefined) yield* checkKind(`${path}.auth`, auth.auth);
}
