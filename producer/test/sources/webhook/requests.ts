import { createHmac } from 'node:crypto';
import type { SenderConfig } from '@tributary/shared';
import { Refused } from '../../../src/sources/webhook/refused.js';
import { createSender } from '../../../src/sources/webhook/senders/kinds.js';
import type { HookRequest } from '../../../src/sources/webhook/senders/sender.js';

export interface RequestParts {
  readonly method?: string;
  readonly body?: string;
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export function requestWith({ method = 'POST', body = '', query = '', headers = {} }: RequestParts): HookRequest {
  const lower = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  return {
    method,
    body: Buffer.from(body),
    query: new URLSearchParams(query),
    header: (name) => lower.get(name.toLowerCase()),
  };
}

/** What a sender says of a request: 'taken', or why it is refused. */
export function judged(settings: SenderConfig, parts: RequestParts, now = Date.now()): string {
  const request = requestWith(parts);
  try {
    const sender = createSender(settings);
    sender.check(request, { now, tolerance: 300_000 });
    return 'taken';
  } catch (error) {
    if (error instanceof Refused) return error.outcome;
    throw error;
  }
}

export const hmacOf = (
  secret: string | Buffer,
  text: string,
  encoding: 'hex' | 'base64' = 'hex',
  algorithm = 'sha256',
) => createHmac(algorithm, secret).update(text).digest(encoding);
