import { z } from 'zod';
import { httpUrl } from '../values.js';
import { choiceOf, type KindTable } from './table.js';

const address = z.string().regex(/^[^\s@<>,;]+@[^\s@<>,;]+$/, 'expected an address such as ops@example.org');

/** Characters behind `whsec_`; as the senders of webhooks need. */
const SHORTEST = 12;

/** How people are told. What each kind sends: dashboard/src/alerts/channels/. */
export const ALERT_CHANNELS = {
  webhook: {
    words:
      'A JSON body, posted to a URL; signed as Standard Webhooks (standardwebhooks.com) say where there is a secret',
    settings: {
      url: httpUrl.describe(
        'Where it is posted to; redirects are not followed; a user and a password in it are sent as Basic',
      ),
      secret: z
        .string()
        .refine(
          (text) => text.replace(/^whsec_/, '').length >= SHORTEST,
          `expected a secret of at least ${SHORTEST} characters`,
        )
        .optional()
        .describe('What it is signed with: `whsec_` and base64, or any text'),
    },
  },
  slack: {
    words: 'An incoming webhook of Slack, or of what takes the same body (Mattermost, Rocket.Chat)',
    settings: { url: httpUrl.describe('The URL of the incoming webhook: it is a secret') },
  },
  email: {
    words: 'An e-mail in plain text',
    settings: {
      server: z
        .string()
        .regex(/^smtps?:\/\/\S+$/i, 'expected an SMTP server such as smtp://user:password@mail.example.org:587')
        .refine(
          (text) => URL.canParse(text),
          'expected an SMTP server such as smtp://user:password@mail.example.org:587',
        )
        .describe(
          'The SMTP server, such as `smtp://user:password@mail.example.org:587` (STARTTLS where the server has it) or `smtps://…:465`',
        ),
      tls: z
        .enum(['required', 'possible'], { error: 'expected required or possible' })
        .default('required')
        .describe('`possible` sends in plain text to a server without STARTTLS, such as one on this machine'),
      from: address.describe('Who it is from'),
      to: z.array(address).min(1).max(50).describe('Who gets it'),
    },
  },
} as const satisfies KindTable;

export type AlertChannelKind = keyof typeof ALERT_CHANNELS;

export const alertChannelSchema = choiceOf(ALERT_CHANNELS);

/** Settings of a channel that are not shown, wherever they come from. */
export const SECRET_OF_CHANNEL: readonly string[] = ['url', 'secret', 'server'];
