import type { AlertChannelKind, AlertChannelOf, Clock } from '@tributary/shared';
import type { Message } from '../message.js';

/** Milliseconds that one attempt may take. */
export const SEND_WITHIN = 15_000;

/** Sends one message. */
export interface Channel {
  /**
   * Resolves when the receiver has taken it.
   * @throws NotTaken saying why, without address and secret
   */
  send(message: Message, signal: AbortSignal): Promise<void>;
}

export type MakeChannel<K extends AlertChannelKind> = (settings: AlertChannelOf<K>, clock: Clock) => Channel;

/** A message that was not taken. Its words are shown to people, so nothing of what the receiver answered is in them. */
export class NotTaken extends Error {
  override readonly name = 'NotTaken';
  /** Whether the same message will never be taken. */
  readonly isFinal: boolean;

  constructor(message: string, isFinal = false) {
    super(message);
    this.isFinal = isFinal;
  }
}

/** What went wrong on the way, by its code alone: the words of libraries may hold the address. */
export function codeOf(error: unknown): string {
  const { code, name, cause } = error as { code?: unknown; name?: unknown; cause?: { code?: unknown } };
  if (name === 'TimeoutError' || name === 'AbortError') return `no answer in ${SEND_WITHIN / 1_000} s`;
  for (const one of [cause?.code, code]) if (typeof one === 'string' && /^[A-Z][A-Z0-9_]{2,40}$/.test(one)) return one;
  return 'the connection failed';
}
