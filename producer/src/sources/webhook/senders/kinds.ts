import type { SenderConfig, SenderKind, SenderOf } from '@tributary/shared';
import { dropboxChallenge, metaChallenge, oktaChallenge, slackAnswer, zoomAnswer } from './challenges.js';
import { microsoftGraph } from './microsoft-graph.js';
import { dropbox, github, hmac, shopify, slack, standardWebhooks, stripe, zoom } from './schemes.js';
import type { Sender } from './sender.js';
import { checkSignature, type Scheme } from './signature.js';
import { basic, token } from './tokens.js';
import { twilio } from './twilio.js';

const signedBy = (scheme: Scheme, more: Partial<Sender> = {}): Sender => ({
  methods: [],
  ...more,
  check: (request, window) => checkSignature(scheme, request, window),
});

/** What makes each kind of sender. Their settings are in shared/src/config/kinds/webhook-senders.ts. */
const SENDERS: { readonly [K in SenderKind]: (settings: SenderOf<K>) => Sender } = {
  'standard-webhooks': ({ secret }) => signedBy(standardWebhooks(secret)),
  github: ({ secret }) => signedBy(github(secret)),
  stripe: ({ secret }) => signedBy(stripe(secret)),
  shopify: ({ secret }) => signedBy(shopify(secret)),
  slack: ({ secret }) => signedBy(slack(secret), { answer: slackAnswer }),
  meta: ({ secret, verifyToken }) =>
    signedBy(github(secret), { methods: ['GET'], challenge: metaChallenge(verifyToken) }),
  'microsoft-graph': ({ secret }) => microsoftGraph(secret),
  zoom: ({ secret }) => signedBy(zoom(secret), { answer: zoomAnswer(secret) }),
  dropbox: ({ secret }) => signedBy(dropbox(secret), { methods: ['GET'], challenge: dropboxChallenge }),
  twilio: ({ secret, url }) => signedBy(twilio(secret, url)),
  okta: ({ secret, header }) => ({
    ...token({ secret, header, prefix: '' }),
    methods: ['GET'],
    challenge: oktaChallenge,
  }),
  hmac: (settings) => signedBy(hmac(settings)),
  token: (settings) => token(settings),
  basic: ({ username, secret }) => basic(username, secret),
  none: () => ({ methods: [], check: () => {} }),
};

export function createSender(settings: SenderConfig): Sender {
  // The compiler cannot see that the maker found by a name takes the settings that hold this name.
  return (SENDERS[settings.type] as (settings: SenderConfig) => Sender)(settings);
}
