import type { SenderOf } from '@tributary/shared';
import type { HookRequest } from './sender.js';
import { behind, fromUnix, type Scheme } from './signature.js';

const SHA256_HEX = { algorithm: 'sha256', encoding: 'hex' } as const;
const SHA256_BASE64 = { algorithm: 'sha256', encoding: 'base64' } as const;

/**
 * What an id is made of. It is signed with nothing but dots between it, the time and the body: one that may hold anything could hold the old
 * time and the beginning of an old body, and what stands in that would be the new time and the body.
 */
const ID = /^[\w.:~+/=-]{1,256}$/;

/** https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md; Svix's own names are older. */
export function standardWebhooks(secrets: readonly string[]): Scheme {
  const header = (request: HookRequest, name: string) =>
    request.header(`webhook-${name}`) ?? request.header(`svix-${name}`);
  return {
    ...SHA256_BASE64,
    // What is no base64 is an empty key, with which everybody can sign.
    secrets: secrets
      .map((secret) => Buffer.from(secret.replace(/^whsec_/, ''), 'base64'))
      .filter((key) => key.length > 0),
    wanted: 'webhook-id, webhook-timestamp and webhook-signature',
    shown: (request) =>
      ID.test(header(request, 'id') ?? '') ? behind('v1,', (header(request, 'signature') ?? '').split(' ')) : [],
    sentAt: (request) => fromUnix(header(request, 'timestamp')),
    signed: (request) => [`${header(request, 'id') ?? ''}.${header(request, 'timestamp')}.`, request.body],
  };
}

/** https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries; Meta signs in the same way. */
export const github = (secrets: readonly string[]): Scheme => ({
  ...SHA256_HEX,
  secrets,
  wanted: 'X-Hub-Signature-256: sha256=...',
  shown: (request) => behind('sha256=', [request.header('x-hub-signature-256')]),
  signed: ({ body }) => [body],
});

/** https://docs.stripe.com/webhooks#verify-manually */
export function stripe(secrets: readonly string[]): Scheme {
  const parts = (request: HookRequest) =>
    (request.header('stripe-signature') ?? '').split(',').map((part) => part.trim());
  const time = (request: HookRequest) => behind('t=', parts(request))[0];
  return {
    ...SHA256_HEX,
    secrets,
    wanted: 'Stripe-Signature: t=...,v1=...',
    shown: (request) => behind('v1=', parts(request)),
    sentAt: (request) => fromUnix(time(request)),
    signed: (request) => [`${time(request)}.`, request.body],
  };
}

/** https://shopify.dev/docs/apps/build/webhooks/subscribe/https */
export const shopify = (secrets: readonly string[]): Scheme => ({
  ...SHA256_BASE64,
  secrets,
  wanted: 'X-Shopify-Hmac-Sha256',
  shown: (request) => behind('', [request.header('x-shopify-hmac-sha256')]),
  signed: ({ body }) => [body],
});

/** https://www.dropbox.com/developers/reference/webhooks */
export const dropbox = (secrets: readonly string[]): Scheme => ({
  ...SHA256_HEX,
  secrets,
  wanted: 'X-Dropbox-Signature',
  shown: (request) => behind('', [request.header('x-dropbox-signature')]),
  signed: ({ body }) => [body],
});

/** Slack and Zoom sign the version, the time and the body, with colons between them. */
const versioned = (secrets: readonly string[], signature: string, timestamp: string): Scheme => ({
  ...SHA256_HEX,
  secrets,
  wanted: `${signature} and ${timestamp}`,
  shown: (request) => behind('v0=', [request.header(signature)]),
  sentAt: (request) => fromUnix(request.header(timestamp)),
  signed: (request) => [`v0:${request.header(timestamp)}:`, request.body],
});

/** https://docs.slack.dev/authentication/verifying-requests-from-slack */
export const slack = (secrets: readonly string[]): Scheme =>
  versioned(secrets, 'X-Slack-Signature', 'X-Slack-Request-Timestamp');

/** https://developers.zoom.us/docs/api/webhooks/#verify-webhook-events */
export const zoom = (secrets: readonly string[]): Scheme =>
  versioned(secrets, 'x-zm-signature', 'x-zm-request-timestamp');

const TIMES = {
  unix: fromUnix,
  'unix-ms': (text: string | undefined) => (text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN),
  iso: (text: string | undefined) => Date.parse(text ?? ''),
} as const;

/** As the pipeline file says. */
export function hmac(settings: SenderOf<'hmac'>): Scheme {
  const { secret: secrets, algorithm, encoding, header, prefix, timestamp, signed } = settings;
  const time = (request: HookRequest) => (timestamp === undefined ? '' : (request.header(timestamp.header) ?? ''));
  const pieces = signed.split(/(\{\{body\}\}|\{\{timestamp\}\})/);
  return {
    algorithm,
    encoding,
    secrets,
    wanted: `${header}: ${prefix}...${timestamp === undefined ? '' : `, and ${timestamp.header}`}`,
    shown: (request) => behind(prefix, [request.header(header)]),
    ...(timestamp !== undefined && {
      sentAt: (request: HookRequest) => TIMES[timestamp.format](request.header(timestamp.header)),
    }),
    signed: (request) =>
      pieces.map((piece) => (piece === '{{body}}' ? request.body : piece === '{{timestamp}}' ? time(request) : piece)),
  };
}
