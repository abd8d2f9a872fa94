import { createHmac } from 'node:crypto';
import { count, isSameToken } from '@tributary/shared';
import { Refused } from '../refused.js';
import type { HookRequest, Window } from './sender.js';

/** How a sender signs with HMAC. */
export interface Scheme {
  readonly secrets: readonly (string | Buffer)[];
  readonly algorithm: 'sha1' | 'sha256' | 'sha512';
  readonly encoding: 'hex' | 'base64';
  /** The headers that are expected, for people. */
  readonly wanted: string;
  /** The signatures that the request shows; empty if it shows none. */
  shown(request: HookRequest): readonly string[];
  /** When it was sent, in milliseconds since the epoch, as it is signed; absent where it is not. NaN if it cannot be read. */
  sentAt?(request: HookRequest): number;
  /** What is signed. */
  signed(request: HookRequest): readonly (string | Buffer)[];
}

/**
 * Checks a signature in constant time, and then, where the time is signed, that it is not far from now.
 * @throws Refused
 */
export function checkSignature(scheme: Scheme, request: HookRequest, window: Window): void {
  const shown = scheme.shown(request);
  if (shown.length === 0) throw new Refused('unsigned', `this needs a signature: ${scheme.wanted}`);
  const sentAt = scheme.sentAt?.(request);
  if (sentAt !== undefined && Number.isNaN(sentAt)) {
    throw new Refused('unsigned', `this needs the time at which it was sent: ${scheme.wanted}`);
  }
  const parts = scheme.signed(request);
  let isSame = false;
  for (const secret of scheme.secrets) {
    const mac = createHmac(scheme.algorithm, secret);
    for (const part of parts) mac.update(part);
    const expected = mac.digest(scheme.encoding);
    for (const one of shown) {
      // All are compared: the time of an answer must not tell which secret was nearly right.
      if (isSameToken(scheme.encoding === 'hex' ? one.toLowerCase() : one, expected)) isSame = true;
    }
  }
  if (!isSame) {
    throw new Refused('wrong_signature', 'the signature is not that of this body with a secret that is accepted here');
  }
  if (sentAt !== undefined) checkTime(sentAt, window);
}

function checkTime(sentAt: number, { now, tolerance }: Window): void {
  const seconds = Math.round(Math.abs(now - sentAt) / 1_000);
  const most = `${count(Math.round(tolerance / 1_000), 'second')} are accepted`;
  if (now - sentAt > tolerance) {
    throw new Refused('too_old', `it was sent ${count(seconds, 'second')} ago, and ${most}: it may be played again`);
  }
  if (sentAt - now > tolerance) {
    throw new Refused(
      'from_the_future',
      `it was sent ${count(seconds, 'second')} from now, and ${most}: check the clocks`,
    );
  }
}

/** Seconds since 1970 as text, in milliseconds. */
export const fromUnix = (text: string | undefined): number =>
  text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) * 1_000 : Number.NaN;

/** The texts behind a prefix, among several. */
export const behind = (prefix: string, texts: readonly (string | undefined)[]): string[] =>
  texts.flatMap((text) => (text?.startsWith(prefix) ? [text.slice(prefix.length).trim()] : [])).filter(Boolean);
