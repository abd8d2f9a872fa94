import { z } from 'zod';
import { httpUrl, someText } from '../values.js';
import { choiceOf, type KindTable } from './table.js';

const SECRET = `expected a secret, or a list of them: best from the environment, such as \${WEBHOOK_SECRET}`;

const one = z.string({ error: SECRET });

/** Characters. With a shorter secret a stranger signs events, or guesses the token; those that services give have 15 and more. */
const SHORTEST = 12;
const TOO_SHORT = `expected a secret of at least ${SHORTEST} characters: a shorter one can be guessed, so that strangers could send events; give the sender a longer one`;

const isLong = (secret: string): boolean => secret.replace(/^whsec_/, '').length >= SHORTEST;

/** One secret, or several while one replaces another. An empty one accepts nothing: everybody knows it. */
const secrets = z
  .union([one.transform((text) => [text]), z.array(one).min(1)], { error: SECRET })
  .transform((texts) => texts.filter((text) => text !== ''))
  .refine((texts) => texts.every(isLong), TOO_SHORT)
  .meta({
    id: 'Secrets',
    description: 'A secret of 12 characters or more; or a list, of which each is accepted, while one replaces another',
  });

const signed = { secret: secrets.describe('What the sender signs with; a list while one replaces another') };

const header = (example: string) => someText.describe(`The header, such as ${example}`);

const timestamp = z.strictObject({
  header: header('X-Request-Timestamp'),
  format: z
    .enum(['unix', 'unix-ms', 'iso'], { error: 'expected unix (seconds), unix-ms or iso' })
    .default('unix')
    .describe('How the time is written: seconds since 1970, milliseconds, or ISO 8601'),
});

/** How the sender of an event proves who it is. What each kind is made of: producer/src/sources/webhook/senders/. */
export const SENDERS = {
  'standard-webhooks': {
    words: 'Standard Webhooks (standardwebhooks.com), as Svix, OpenAI, Clerk, Resend and others send them',
    settings: signed,
  },
  github: { words: 'GitHub: `X-Hub-Signature-256`', settings: signed },
  stripe: { words: 'Stripe: `Stripe-Signature`', settings: signed },
  shopify: { words: 'Shopify: `X-Shopify-Hmac-Sha256`', settings: signed },
  slack: { words: 'Slack: `X-Slack-Signature`; its `url_verification` is answered', settings: signed },
  meta: {
    words: 'Meta (Facebook, Instagram, WhatsApp): `X-Hub-Signature-256`; its `hub.challenge` is answered',
    settings: {
      secret: secrets.describe("The app's secret"),
      verifyToken: secrets.describe('The token that Meta shows when the address is registered'),
    },
  },
  'microsoft-graph': {
    words: 'Microsoft Graph: each event shows `clientState`; its `validationToken` is answered',
    settings: { secret: secrets.describe('The `clientState` that the subscription was made with') },
  },
  zoom: { words: 'Zoom: `x-zm-signature`; its `endpoint.url_validation` is answered', settings: signed },
  dropbox: { words: 'Dropbox: `X-Dropbox-Signature`; its `challenge` is answered', settings: signed },
  twilio: {
    words: 'Twilio: `X-Twilio-Signature`, over the address and the form',
    settings: {
      secret: secrets.describe('The auth token'),
      url: httpUrl.describe('The address that Twilio was given, with its query: the signature is over it'),
    },
  },
  okta: {
    words: 'Okta event hooks: a header that was agreed; its verification challenge is answered',
    settings: {
      secret: secrets.describe('What the header holds'),
      header: someText.default('Authorization').describe('The header'),
    },
  },
  hmac: {
    words: 'Any other sender that signs the body with HMAC',
    settings: {
      ...signed,
      header: header('X-Signature'),
      algorithm: z
        .enum(['sha256', 'sha512', 'sha1'], { error: 'expected sha256, sha512 or sha1' })
        .default('sha256')
        .describe('The hash'),
      encoding: z
        .enum(['hex', 'base64'], { error: 'expected hex or base64' })
        .default('hex')
        .describe('How the signature is written'),
      prefix: z.string().default('').describe('What stands before the signature, such as `sha256=`'),
      timestamp: timestamp
        .optional()
        .describe('Where the sender tells when it sent. Only with it can an old event not be played again'),
      signed: z
        .string()
        .regex(/\{\{body\}\}/, 'expected a text with {{body}} in it, such as {{timestamp}}.{{body}}')
        .default('{{body}}')
        .describe('What is signed: `{{body}}`, and `{{timestamp}}` as the header has it'),
    },
  },
  token: {
    words: 'A header that holds a token, such as `X-Gitlab-Token`, or `Authorization: Bearer`',
    settings: {
      secret: secrets.describe('The token'),
      header: someText.default('Authorization').describe('The header'),
      prefix: z
        .string()
        .optional()
        .describe(
          'What stands before the token: `Bearer ` in the header Authorization, nothing in others, unless given',
        ),
    },
  },
  basic: {
    words: 'A user and a password (HTTP Basic)',
    settings: { username: someText.describe('The user'), secret: secrets.describe('The password') },
  },
  none: {
    words:
      'Nothing is checked: whoever reaches the door can write into the dataset. Only where a proxy has checked before',
    settings: {},
  },
} as const satisfies KindTable;

export const senderSchema = choiceOf(SENDERS);

export type SenderKind = keyof typeof SENDERS;
export type SenderConfig = z.output<typeof senderSchema>;
export type SenderOf<K extends SenderKind> = Extract<SenderConfig, { readonly type: K }>;
