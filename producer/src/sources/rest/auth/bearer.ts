import type { AuthConfig } from '@tributary/shared';
import { withHeader } from '../request/http-request.js';
import { type Credentials, fixedCredentials } from './credentials.js';

/** A token that does not change (RFC 6750). */
export const bearerCredentials = ({ token }: Extract<AuthConfig, { type: 'bearer' }>): Credentials =>
  fixedCredentials([token], (request) => withHeader(request, 'authorization', `Bearer ${token}`));
