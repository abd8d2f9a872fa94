import { SENDERS, type SenderConfig, type SenderKind } from '@tributary/shared';
import { describe, expect, test } from 'vitest';
import { createSender } from '../../../src/sources/webhook/senders/kinds.js';
import { hmacOf, judged, type RequestParts, requestWith } from './requests.js';

const NOW = Date.parse('2026-11-28T12:00:00Z');
const SECONDS = String(NOW / 1_000);
const BODY = '{"id":"c1"}';
const SECRET = 'a-secret-of-the-sender';
const OTHER = 'another-secret-of-theirs';

/** A sender, and a request of it at a time, in seconds since 1970. */
interface Case {
  readonly settings: SenderConfig;
  request(secret: string, seconds: string): RequestParts;
  /** The time is not signed. */
  readonly isTimeless?: boolean;
}

const standardKey = (secret: string) => `whsec_${Buffer.from(secret).toString('base64')}`;
const secrets = [SECRET, OTHER];

const CASES: Readonly<Record<Exclude<SenderKind, 'none' | 'microsoft-graph'>, Case>> = {
  'standard-webhooks': {
    settings: { type: 'standard-webhooks', secret: secrets.map(standardKey) },
    request: (secret, seconds) => ({
      body: BODY,
      headers: {
        'webhook-id': 'msg_1',
        'webhook-timestamp': seconds,
        'webhook-signature': `v1a,bm8= v1,${hmacOf(secret, `msg_1.${seconds}.${BODY}`, 'base64')}`,
      },
    }),
  },
  github: {
    settings: { type: 'github', secret: secrets },
    request: (secret) => ({ body: BODY, headers: { 'X-Hub-Signature-256': `sha256=${hmacOf(secret, BODY)}` } }),
    isTimeless: true,
  },
  stripe: {
    settings: { type: 'stripe', secret: secrets },
    request: (secret, seconds) => ({
      body: BODY,
      headers: { 'Stripe-Signature': `t=${seconds},v1=00,v1=${hmacOf(secret, `${seconds}.${BODY}`)},v0=1` },
    }),
  },
  shopify: {
    settings: { type: 'shopify', secret: secrets },
    request: (secret) => ({ body: BODY, headers: { 'X-Shopify-Hmac-Sha256': hmacOf(secret, BODY, 'base64') } }),
    isTimeless: true,
  },
  slack: {
    settings: { type: 'slack', secret: secrets },
    request: (secret, seconds) => ({
      body: BODY,
      headers: {
        'X-Slack-Signature': `v0=${hmacOf(secret, `v0:${seconds}:${BODY}`)}`,
        'X-Slack-Request-Timestamp': seconds,
      },
    }),
  },
  meta: {
    settings: { type: 'meta', secret: secrets, verifyToken: ['a-verify-token'] },
    request: (secret) => ({ body: BODY, headers: { 'x-hub-signature-256': `sha256=${hmacOf(secret, BODY)}` } }),
    isTimeless: true,
  },
  zoom: {
    settings: { type: 'zoom', secret: secrets },
    request: (secret, seconds) => ({
      body: BODY,
      headers: { 'x-zm-signature': `v0=${hmacOf(secret, `v0:${seconds}:${BODY}`)}`, 'x-zm-request-timestamp': seconds },
    }),
  },
  dropbox: {
    settings: { type: 'dropbox', secret: secrets },
    request: (secret) => ({ body: BODY, headers: { 'X-Dropbox-Signature': hmacOf(secret, BODY) } }),
    isTimeless: true,
  },
  twilio: {
    settings: { type: 'twilio', secret: secrets, url: 'https://example.org/hooks/sms?a=1' },
    request: (secret) => ({
      body: 'To=%2B15551&From=%2B15552&Body=hi+there',
      headers: {
        'X-Twilio-Signature': hmacOf(
          secret,
          'https://example.org/hooks/sms?a=1Bodyhi thereFrom+15552To+15551',
          'base64',
          'sha1',
        ),
      },
    }),
    isTimeless: true,
  },
  okta: {
    settings: { type: 'okta', secret: secrets, header: 'Authorization' },
    request: (secret) => ({ body: BODY, headers: { authorization: secret } }),
    isTimeless: true,
  },
  hmac: {
    settings: {
      type: 'hmac',
      secret: secrets,
      header: 'X-Signature',
      algorithm: 'sha512',
      encoding: 'base64',
      prefix: 'sig=',
      timestamp: { header: 'X-Time', format: 'iso' },
      signed: 'v9:{{timestamp}}:{{body}}',
    },
    request: (secret, seconds) => {
      const time = new Date(Number(seconds) * 1_000).toISOString();
      const signature = hmacOf(secret, `v9:${time}:${BODY}`, 'base64', 'sha512');
      return { body: BODY, headers: { 'X-Signature': `sig=${signature}`, 'X-Time': time } };
    },
  },
  token: {
    settings: { type: 'token', secret: secrets, header: 'X-Gitlab-Token' },
    request: (secret) => ({ body: BODY, headers: { 'X-Gitlab-Token': secret } }),
    isTimeless: true,
  },
  basic: {
    settings: { type: 'basic', username: 'crm', secret: secrets },
    request: (secret) => ({
      body: BODY,
      headers: { Authorization: `Basic ${Buffer.from(`crm:${secret}`).toString('base64')}` },
    }),
    isTimeless: true,
  },
};

describe.each(Object.entries(CASES))('the sender %s', (_name, { settings, request, isTimeless = false }) => {
  test('is known by its secret, and by one that replaces it', () => {
    expect(judged(settings, request(SECRET, SECONDS), NOW)).toBe('taken');
    expect(judged(settings, request(OTHER, SECONDS), NOW)).toBe('taken');
  });

  test('is refused with another secret, and without any', () => {
    expect(judged(settings, request('a-secret-of-a-stranger', SECONDS), NOW)).toBe('wrong_signature');
    expect(judged(settings, { body: BODY }, NOW)).toBe('unsigned');
  });

  test('is refused if a byte of the body is another one', () => {
    const parts = request(SECRET, SECONDS);
    const isOfBody = !['okta', 'token', 'basic'].includes(settings.type);
    expect(judged(settings, { ...parts, body: `${parts.body} ` }, NOW)).toBe(isOfBody ? 'wrong_signature' : 'taken');
  });

  test('is refused if it was sent long ago, or will be sent, where it signs the time', () => {
    const at = (seconds: number) => judged(settings, request(SECRET, String(NOW / 1_000 + seconds)), NOW);
    expect(at(-299)).toBe('taken');
    expect(at(-301)).toBe(isTimeless ? 'taken' : 'too_old');
    expect(at(299)).toBe('taken');
    expect(at(301)).toBe(isTimeless ? 'taken' : 'from_the_future');
  });
});

test('an empty secret, which everybody knows, is none', () => {
  const settings: SenderConfig = { type: 'github', secret: [] };
  const headers = { 'X-Hub-Signature-256': `sha256=${hmacOf('', BODY)}` };
  expect(judged(settings, { body: BODY, headers }, NOW)).toBe('wrong_signature');
});

test('a secret of Standard Webhooks that is no base64 is none: as an empty key everybody could sign with it', () => {
  for (const secret of ['whsec_', 'whsec_!!!', '***']) {
    const headers = {
      'webhook-id': 'msg_1',
      'webhook-timestamp': SECONDS,
      'webhook-signature': `v1,${hmacOf('', `msg_1.${SECONDS}.${BODY}`, 'base64')}`,
    };
    expect(judged({ type: 'standard-webhooks', secret: [secret] }, { body: BODY, headers }, NOW), secret).toBe(
      'wrong_signature',
    );
  }
});

test('every kind of sender is tried', () => {
  const tried = [...Object.keys(CASES), 'none', 'microsoft-graph'];
  expect(tried.toSorted()).toEqual(Object.keys(SENDERS).toSorted());
});

test('the signature of the specification of Standard Webhooks is taken', () => {
  const settings: SenderConfig = { type: 'standard-webhooks', secret: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'] };
  const headers = {
    'svix-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'svix-timestamp': '1614265330',
    'svix-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  };
  expect(judged(settings, { body: '{"test": 2432232314}', headers }, 1_614_265_330_000)).toBe('taken');
});

test('an old event of Standard Webhooks is no other one whose id holds its time and the beginning of its body', () => {
  const settings: SenderConfig = { type: 'standard-webhooks', secret: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'] };
  const rest = 'id=c1&note=&x="}';
  const body = `{"text":".1700009000.${rest}`;
  const key = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64');
  const signature = `v1,${hmacOf(key, `msg_1.1700000000.${body}`, 'base64')}`;
  const headers = (id: string, time: string) => ({
    'webhook-id': id,
    'webhook-timestamp': time,
    'webhook-signature': signature,
  });
  const at = (parts: RequestParts) => judged(settings, parts, 1_700_009_000_000);
  expect(at({ body, headers: headers('msg_1', '1700000000') })).toBe('too_old');
  expect(at({ body: rest, headers: headers('msg_1.1700000000.{"text":"', '1700009000') })).toBe('unsigned');
});

test('an event of Microsoft Graph shows the clientState of its subscription', () => {
  const { challenge, checkEvent } = createSender({ type: 'microsoft-graph', secret: [SECRET] });
  expect(() => checkEvent?.({ value: [{ clientState: SECRET }] })).not.toThrow();
  expect(() => checkEvent?.({ value: [{ clientState: SECRET }, { clientState: 'guessed' }] })).toThrow('clientState');
  expect(() => checkEvent?.({ value: [{}] })).toThrow('without clientState');
  expect(() => checkEvent?.({})).toThrow('$.value');
  expect(challenge?.(requestWith({ query: 'validationToken=a%3Ab' }))).toEqual({ type: 'text/plain', text: 'a:b' });
  expect(challenge?.(requestWith({}))).toBeUndefined();
});

test('the challenges of senders are answered', () => {
  const meta = createSender({ type: 'meta', secret: [SECRET], verifyToken: ['a-verify-token'] });
  const asked = 'hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=';
  const get = (query: string) => requestWith({ method: 'GET', query });
  expect(meta.challenge?.(get(`${asked}a-verify-token`))).toEqual({ type: 'text/plain', text: '1158201444' });
  expect(() => meta.challenge?.(get(`${asked}guessed`))).toThrow('hub.verify_token');
  const slack = createSender({ type: 'slack', secret: [SECRET] });
  expect(slack.answer?.({ type: 'url_verification', challenge: '3eZb' })).toEqual({ type: 'text/plain', text: '3eZb' });
  expect(slack.answer?.({ type: 'event_callback' })).toBeUndefined();
  const zoom = createSender({ type: 'zoom', secret: [SECRET] });
  expect(zoom.answer?.({ event: 'endpoint.url_validation', payload: { plainToken: 'q' } })).toEqual({
    type: 'application/json',
    text: JSON.stringify({ plainToken: 'q', encryptedToken: hmacOf(SECRET, 'q') }),
  });
  const dropbox = createSender({ type: 'dropbox', secret: [SECRET] });
  expect(dropbox.challenge?.(get('challenge=abc'))).toEqual({ type: 'text/plain', text: 'abc' });
  const okta = createSender({ type: 'okta', secret: [SECRET], header: 'Authorization' });
  const verification = requestWith({ method: 'GET', headers: { 'X-Okta-Verification-Challenge': 'v' } });
  expect(okta.challenge?.(verification)).toEqual({ type: 'application/json', text: '{"verification":"v"}' });
});
