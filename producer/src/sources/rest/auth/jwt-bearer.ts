import { createPrivateKey, createSecretKey, type KeyObject, randomUUID } from 'node:crypto';
import { type AuthOf, FatalError } from '@tributary/shared';
import { SignJWT } from 'jose';
import type { CredentialOptions, Credentials } from './credentials.js';
import { RenewedToken } from './renewed-token.js';
import { tokenIn, tokenRequest } from './token-answer.js';

type Settings = AuthOf<'jwt-bearer'>;

/** Clocks differ: a JWT is dated back by this, in milliseconds, or a server whose clock is behind would call it not yet valid. */
const DATED_BACK = 60_000;

/** What a JWT is for. */
const USES: Readonly<Record<Settings['assertion'], (settings: Settings, options: CredentialOptions) => Credentials>> = {
  grant: (settings, options) =>
    exchanged(settings, options, (assertion) => ({
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion,
    })),
  client: (settings, options) =>
    exchanged(settings, options, (assertion) => ({
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
    })),
  header: sentItself,
};

/** A JWT that is signed with our own key (RFC 7523, RFC 7519). */
export const jwtBearerCredentials = (settings: Settings, options: CredentialOptions): Credentials =>
  USES[settings.assertion](settings, options);

/** The JWT is exchanged for a token. */
function exchanged(
  settings: Settings,
  options: CredentialOptions,
  grantOf: (assertion: string) => Record<string, string>,
): Credentials {
  const { tokenUrl = '', scope, form } = settings;
  const key = keyOf(settings);
  const answered = {
    url: tokenUrl,
    advice: 'issuer, subject, audience, scope, key and keyId, and whether the clock of this machine is right',
    conceal: options.conceal,
  };
  return new RenewedToken({
    ...shared(settings, options),
    obtain: async ({ send }) => {
      const assertion = await sign(settings, key, options.clock.now());
      options.onSecret(assertion);
      const beside = scopeIn(settings) === 'form' ? { scope } : {};
      const answer = await send(tokenRequest(tokenUrl, { ...grantOf(assertion), ...beside, ...form }));
      return { ...tokenIn(answer, answered), refreshToken: undefined };
    },
  });
}

/** The JWT is itself the token. */
function sentItself(settings: Settings, options: CredentialOptions): Credentials {
  const key = keyOf(settings);
  return new RenewedToken({
    ...shared(settings, options),
    obtain: async () => ({
      value: await sign(settings, key, options.clock.now()),
      lifetime: settings.lifetime,
    }),
  });
}

const shared = (settings: Settings, options: CredentialOptions) => ({
  ...options,
  secrets: secretsOf(settings),
  store: options.tokens.passing,
  family: JSON.stringify([settings, options.binding]),
});

const scopeIn = ({ assertion, scopeIn: place }: Settings): 'claim' | 'form' =>
  place ?? (assertion === 'client' ? 'form' : 'claim');

async function sign(settings: Settings, key: KeyObject, now: number): Promise<string> {
  const { assertion, tokenUrl, issuer, algorithm, keyId, scope, claims, lifetime } = settings;
  const inSeconds = (time: number) => Math.floor(time / 1_000);
  const payload = {
    iss: issuer,
    sub: settings.subject ?? (assertion === 'client' ? issuer : undefined),
    aud: settings.audience ?? tokenUrl,
    scope: scopeIn(settings) === 'claim' ? scope : undefined,
    iat: inSeconds(now - DATED_BACK),
    exp: inSeconds(now + lifetime),
    jti: randomUUID(),
    ...claims,
  };
  const told = Object.fromEntries(Object.entries(payload).filter(([, value]) => value !== undefined));
  return await new SignJWT(told)
    .setProtectedHeader({ alg: algorithm, typ: 'JWT', ...(keyId === undefined ? {} : { kid: keyId }) })
    .sign(key);
}

/** The check of the settings has read it already. */
function keyOf({ key, passphrase, algorithm }: Settings): KeyObject {
  if (algorithm.startsWith('HS')) return createSecretKey(Buffer.from(key));
  try {
    return createPrivateKey({ key, passphrase });
  } catch (cause) {
    throw new FatalError('key_invalid', 'the key of auth cannot be read as a private key', { cause });
  }
}

/** Each line of a PEM text is as secret as all of it. */
const secretsOf = ({ key, passphrase = '', form }: Settings): string[] => [
  ...key.split(/\s+/).filter((line) => line.length >= 16),
  passphrase,
  ...Object.values(form),
];
