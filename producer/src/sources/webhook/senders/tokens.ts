import { isSameToken } from '@tributary/shared';
import { Refused } from '../refused.js';
import type { Sender } from './sender.js';

/** Whether a text is one of the tokens. All are compared, in constant time. */
export function isOneOf(given: string, tokens: readonly string[]): boolean {
  return tokens.filter((one) => isSameToken(given, one)).length > 0;
}

interface TokenSettings {
  readonly secret: readonly string[];
  readonly header: string;
  readonly prefix?: string | undefined;
}

/** A header that holds a token. */
export function token({ secret, header, prefix }: TokenSettings): Sender {
  const before = prefix ?? (header.toLowerCase() === 'authorization' ? 'Bearer ' : '');
  return {
    methods: [],
    check(request) {
      const shown = request.header(header);
      if (shown === undefined) throw new Refused('unsigned', `this needs a token: ${header}: ${before}...`);
      const isPrefixed = shown.slice(0, before.length).toLowerCase() === before.toLowerCase();
      if (isPrefixed && isOneOf(shown.slice(before.length).trim(), secret)) return;
      throw new Refused('wrong_signature', `the token in ${header} is not one that is accepted here`);
    },
  };
}

/** RFC 7617. */
export function basic(username: string, passwords: readonly string[]): Sender {
  const accepted = passwords.map((one) => Buffer.from(`${username}:${one}`).toString('base64'));
  const checked = token({ secret: accepted, header: 'Authorization', prefix: 'Basic ' });
  return {
    methods: [],
    check(request, window) {
      if (request.header('authorization') === undefined)
        throw new Refused('unsigned', 'this needs a user and a password');
      checked.check(request, window);
    },
  };
}
