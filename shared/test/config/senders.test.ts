import { describe, expect, it } from 'vitest';
import { parsePipeline } from '../../src/index.js';

const withSender = (sender: string, env: Readonly<Record<string, string>> = {}) =>
  parsePipeline(
    `
entities:
  customer: { dataset: customers, queue: customers, key: id, fields: { id: string } }
endpoints:
  crm: { source: webhook, entity: customer, sender: ${sender} }
`,
    env,
    'test.yaml',
  );

describe('a secret of the sender of events', () => {
  it.each([
    [`{ type: github, secret: "\${HOOK_SECRET}" }`, 'q'],
    [`{ type: token, secret: ["a-long-enough-secret", "\${HOOK_SECRET}"], header: X-Token }`, 'elevenchars'],
    [`{ type: standard-webhooks, secret: "\${HOOK_SECRET}" }`, 'whsec_cXdlcnR5'],
    [`{ type: basic, username: crm, secret: "\${HOOK_SECRET}" }`, 'pass-word'],
    [`{ type: meta, secret: a-long-enough-secret, verifyToken: "\${HOOK_SECRET}" }`, 'verify-me'],
  ])('is refused in words if it can be guessed, and never shown: %s', (sender, secret) => {
    const start = () => withSender(sender, { HOOK_SECRET: secret });
    expect(start).toThrow(/endpoints\.crm\.sender\.\w+.*expected a secret of at least 12 characters/s);
    expect(start).not.toThrow(new RegExp(`(?<![\\w-])${secret}(?![\\w-])`));
  });

  it.each([
    [`{ type: github, secret: "\${HOOK_SECRET}" }`, 'twelve-chars'],
    [`{ type: hmac, header: X-Signature, secret: ["\${HOOK_SECRET}", ""] }`, 'a-long-enough-secret'],
    // Without it every event is refused.
    [`{ type: stripe, secret: "\${HOOK_SECRET:-}" }`, ''],
  ])('is taken otherwise, or left open: %s', (sender, secret) => {
    expect(withSender(sender, { HOOK_SECRET: secret }).endpoints.crm).toMatchObject({ source: 'webhook' });
  });
});
