import { createHmac } from 'node:crypto';
import { isMapping } from '@tributary/shared';
import { Refused } from '../refused.js';
import type { HookRequest, Reply } from './sender.js';
import { isOneOf } from './tokens.js';

/** Characters of a challenge that is sent back. It is sent as plain text or JSON, which no browser runs. */
const LONGEST = 1_024;

const isUsable = (text: unknown): text is string => typeof text === 'string' && text !== '' && text.length <= LONGEST;

/** https://developers.facebook.com/docs/graph-api/webhooks/getting-started#verification-requests */
export const metaChallenge =
  (verifyTokens: readonly string[]) =>
  ({ method, query }: HookRequest): Reply | undefined => {
    if (method !== 'GET') return undefined;
    const challenge = query.get('hub.challenge');
    if (query.get('hub.mode') !== 'subscribe' || !isUsable(challenge)) {
      throw new Refused('unreadable', 'expected hub.mode=subscribe and hub.challenge');
    }
    if (isOneOf(query.get('hub.verify_token') ?? '', verifyTokens)) return { type: 'text/plain', text: challenge };
    throw new Refused('wrong_signature', 'hub.verify_token is not the one that is accepted here');
  };

/** https://www.dropbox.com/developers/reference/webhooks#verification-requests */
export function dropboxChallenge({ method, query }: HookRequest): Reply | undefined {
  if (method !== 'GET') return undefined;
  const challenge = query.get('challenge');
  if (!isUsable(challenge)) throw new Refused('unreadable', 'expected a challenge');
  return { type: 'text/plain', text: challenge };
}

/** https://developer.okta.com/docs/concepts/event-hooks/#one-time-verification-request */
export function oktaChallenge(request: HookRequest): Reply | undefined {
  if (request.method !== 'GET') return undefined;
  const verification = request.header('x-okta-verification-challenge');
  if (!isUsable(verification)) throw new Refused('unreadable', 'expected X-Okta-Verification-Challenge');
  return { type: 'application/json', text: JSON.stringify({ verification }) };
}

/** https://docs.slack.dev/reference/events/url_verification: signed as every event. */
export function slackAnswer(event: unknown): Reply | undefined {
  if (!isMapping(event) || event.type !== 'url_verification' || !isUsable(event.challenge)) return undefined;
  return { type: 'text/plain', text: event.challenge };
}

/** https://developers.zoom.us/docs/api/webhooks/#validate-your-webhook-endpoint: signed as every event. */
export const zoomAnswer =
  (secrets: readonly string[]) =>
  (event: unknown): Reply | undefined => {
    if (!isMapping(event) || event.event !== 'endpoint.url_validation' || !isMapping(event.payload)) return undefined;
    const { plainToken } = event.payload;
    if (!isUsable(plainToken)) return undefined;
    const encryptedToken = createHmac('sha256', secrets[0] ?? '')
      .update(plainToken)
      .digest('hex');
    return { type: 'application/json', text: JSON.stringify({ plainToken, encryptedToken }) };
  };
