import type { AuthConfig } from '@tributary/shared';
import { type Makers, makeKind } from '../../makers.js';
import { apiKeyCredentials } from './api-key.js';
import { basicCredentials } from './basic.js';
import { bearerCredentials } from './bearer.js';
import { type CredentialOptions, type Credentials, fixedCredentials } from './credentials.js';
import { jwtBearerCredentials } from './jwt-bearer.js';
import { loginCredentials } from './login.js';
import { oauth2Credentials } from './oauth2.js';

/** The kinds of auth. Their settings are in shared/src/config/kinds/auth-settings.ts. */
const CREDENTIALS: Makers<AuthConfig, [CredentialOptions], Credentials> = {
  bearer: bearerCredentials,
  basic: basicCredentials,
  'api-key': apiKeyCredentials,
  oauth2: oauth2Credentials,
  'jwt-bearer': jwtBearerCredentials,
  login: (settings, options) => loginCredentials(settings, options, (auth) => createCredentials(auth, options)),
};

export const createCredentials = (auth: AuthConfig | undefined, options: CredentialOptions): Credentials =>
  auth === undefined ? fixedCredentials([], (request) => request) : makeKind(CREDENTIALS, auth, options);
