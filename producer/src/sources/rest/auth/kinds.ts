import type { AuthConfig } from '@tributary/shared';
import { type Makers, makeKind } from '../../makers.js';
import { apiKeyCredentials } from './api-key.js';
import { basicCredentials } from './basic.js';
import { bearerCredentials } from './bearer.js';
import { type CredentialOptions, type Credentials, fixedCredentials } from './credentials.js';
import { oauth2Credentials } from './oauth2.js';

/** The kinds of auth. Their settings are in shared/src/config/kinds/auth.ts. */
const CREDENTIALS: Makers<AuthConfig, [CredentialOptions], Credentials> = {
  bearer: bearerCredentials,
  basic: basicCredentials,
  'api-key': apiKeyCredentials,
  oauth2: oauth2Credentials,
};

export const createCredentials = (auth: AuthConfig | undefined, options: CredentialOptions): Credentials =>
  auth === undefined ? fixedCredentials([], (request) => request) : makeKind(CREDENTIALS, auth, options);
