import { createHash } from 'node:crypto';
import type { HookRequest } from './sender.js';
import { behind, type Scheme } from './signature.js';

/** https://www.twilio.com/docs/usage/webhooks/webhooks-security: the address, and the fields of a form in the order of their names. */
export function twilio(secrets: readonly string[], url: string): Scheme {
  return {
    algorithm: 'sha1',
    encoding: 'base64',
    secrets,
    wanted: 'X-Twilio-Signature',
    shown: (request) => behind('', [request.header('x-twilio-signature')]),
    signed: (request) => [addressOf(request, url), ...fieldsOf(request)],
  };
}

/** Of a body that is no form, the address holds the digest, and that is signed with it. */
function addressOf({ query, body }: HookRequest, url: string): string {
  const digest = query.get('bodySHA256');
  if (digest === null) return url;
  const actual = createHash('sha256').update(body).digest('hex');
  return `${url}${url.includes('?') ? '&' : '?'}bodySHA256=${actual}`;
}

function fieldsOf({ query, body }: HookRequest): string[] {
  if (query.has('bodySHA256')) return [];
  const fields = [...new URLSearchParams(body.toString())];
  return fields.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).flat();
}
