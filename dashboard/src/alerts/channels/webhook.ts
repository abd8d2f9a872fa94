import { createHmac } from 'node:crypto';
import type { MakeChannel } from './channel.js';
import { post } from './post.js';

/**
 * The message as JSON. The headers are those of Standard Webhooks 1.0: its id, which is the same for each attempt, the time, and with a
 * secret the signature of `id.time.body` (HMAC-SHA256).
 */
export const webhook: MakeChannel<'webhook'> = ({ url, secret }, clock) => ({
  async send(message, signal) {
    const { id, status, at, ...data } = message;
    const body = JSON.stringify({ type: `alert.${status}`, timestamp: at, data: { id, status, ...data } });
    const seconds = String(Math.floor(clock.now() / 1_000));
    const signature =
      secret === undefined ? {} : { 'webhook-signature': `v1,${sign(keyOf(secret), `${id}.${seconds}.${body}`)}` };
    await post(url, body, { 'webhook-id': id, 'webhook-timestamp': seconds, ...signature }, signal);
  },
});

const sign = (key: Buffer, text: string): string => createHmac('sha256', key).update(text).digest('base64');

const keyOf = (secret: string): Buffer =>
  secret.startsWith('whsec_') ? Buffer.from(secret.slice(6), 'base64') : Buffer.from(secret);
