import type { AuthConfig } from '@tributary/shared';
import { withHeader, withParameters } from '../request/http-request.js';
import { type Credentials, fixedCredentials } from './credentials.js';

/** A key in a header or in the query, under a name that the API chose. */
export const apiKeyCredentials = ({ in: place, name, value }: Extract<AuthConfig, { type: 'api-key' }>): Credentials =>
  fixedCredentials([value], (request) =>
    place === 'header' ? withHeader(request, name.toLowerCase(), value) : withParameters(request, { [name]: value }),
  );
