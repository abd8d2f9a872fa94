import { type AuthOf, grantOf } from '@tributary/shared';
import { basic } from './basic.js';
import type { CredentialOptions, Credentials } from './credentials.js';
import { type GivenToken, RenewedToken } from './renewed-token.js';
import { tokenIn, tokenRequest } from './token-answer.js';

type Settings = AuthOf<'oauth2'>;
type Grant = ReturnType<typeof grantOf>;

/** The grants of OAuth 2 by which a token is obtained without a person. */
const GRANTS: Readonly<Record<Grant, (settings: Settings, options: CredentialOptions) => Credentials>> = {
  'client-credentials': clientCredentials,
  'refresh-token': refreshToken,
};

export const oauth2Credentials = (settings: Settings, options: CredentialOptions): Credentials =>
  GRANTS[grantOf(settings)](settings, options);

/** RFC 6749, section 4.4. */
function clientCredentials(settings: Settings, options: CredentialOptions): Credentials {
  const { tokenUrl, scope, audience } = settings;
  const request = askAs(settings, { grant_type: 'client_credentials', scope, audience });
  const answered = { url: tokenUrl, advice: 'clientId, clientSecret and scope', conceal: options.conceal };
  return new RenewedToken({
    ...options,
    secrets: secretsOf(settings),
    store: options.tokens.passing,
    family: JSON.stringify([settings, options.binding]),
    obtain: async ({ send }) => ({ ...tokenIn(await send(request), answered), refreshToken: undefined }),
  });
}

/** RFC 6749, section 6. */
function refreshToken(settings: Settings, options: CredentialOptions): Credentials {
  const { tokenUrl, clientId, refreshToken: configured = '', token, scope, audience } = settings;
  const store = options.tokens.lasting;
  let isTold = false;
  const tellReplaced = () => {
    if (store.lasts || isTold) return;
    isTold = true;
    const fate = 'it is kept in this process only, and the one in the settings may be refused after it has ended';
    options.onDoubt(
      `${new URL(tokenUrl).host} has replaced the refresh token by a new one; ${fate}: set TRIBUTARY_SECRET, and have a Redis that lasts`,
    );
  };
  return new RenewedToken({
    ...options,
    secrets: [...secretsOf(settings), configured, ...(token ? [token] : [])],
    store,
    // A refresh token that a person puts in is a new family: what came of the one before is no longer asked for.
    family: JSON.stringify([tokenUrl, clientId, configured]),
    first: token,
    obtain: async ({ send }, kept): Promise<GivenToken> => {
      const present = kept?.refreshToken ?? configured;
      options.onSecret(present);
      const request = askAs(settings, { grant_type: 'refresh_token', refresh_token: present, scope, audience });
      // The server may have replaced the refresh token by the time that the run is stopped.
      const answer = await send(request, true);
      const given = tokenIn(answer, {
        url: tokenUrl,
        advice: (code) => adviceOn(code, present !== configured),
        conceal: options.conceal,
      });
      if (given.refreshToken !== undefined && given.refreshToken !== present) tellReplaced();
      return { ...given, refreshToken: given.refreshToken ?? kept?.refreshToken };
    },
  });
}

/** Servers say by a code what they refuse (RFC 6749, section 5.2). */
function adviceOn(code: string, isReplaced: boolean): string {
  if (code === 'invalid_client' || code === 'unauthorized_client')
    return 'look at clientId, clientSecret and credentialsIn';
  if (code === 'invalid_scope') return 'look at scope';
  const which = isReplaced
    ? 'the refresh token that the server gave in place of that of the settings'
    : 'the refresh token';
  return `${which} was revoked, has expired, or was used already: obtain a new one, put it into refreshToken, and restart`;
}

/** A request for a token by a client that shows who it is (RFC 6749, section 2.3.1); a public one only names itself. */
function askAs(
  { tokenUrl, clientId, clientSecret, credentialsIn, form }: Settings,
  grant: Record<string, string | undefined>,
) {
  if (clientSecret && credentialsIn === 'header') {
    const authorization = basic(encodeURIComponent(clientId), encodeURIComponent(clientSecret));
    return tokenRequest(tokenUrl, { ...grant, ...form }, { authorization });
  }
  const client = { client_id: clientId, ...(clientSecret ? { client_secret: clientSecret } : {}) };
  return tokenRequest(tokenUrl, { ...grant, ...client, ...form });
}

function secretsOf({ clientId, clientSecret = '', form }: Settings): string[] {
  const header = basic(encodeURIComponent(clientId), encodeURIComponent(clientSecret));
  return [clientId, clientSecret, basic(clientId, clientSecret), header, ...Object.values(form)];
}
