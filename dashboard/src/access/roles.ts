import { createHash, timingSafeEqual } from 'node:crypto';
import { FatalError } from '@tributary/shared';

/**
 * What a person may do, each role more than the one before: look; replay dead letters, discard one, and command endpoints;
 * discard many dead letters, and start demo scenarios.
 */
export const ROLES = ['viewer', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

export const mayAct = (role: Role, needed: Role): boolean => ROLES.indexOf(role) >= ROLES.indexOf(needed);

/** A person who has shown a token. */
export interface Person {
  /** As the token names them, for the audit log. */
  readonly name: string;
  readonly role: Role;
}

/** Tokens as the environment has them, by role: `anna=SECRET,ben=SECRET`, or a bare secret whose name is the role. */
export type TokenSettings = Readonly<Partial<Record<Role, string | undefined>>>;

/** Characters. A shorter token can be guessed, also with rate limits. */
const SHORTEST = 12;

interface KnownToken extends Person {
  readonly digest: Buffer;
}

const digestOf = (token: string): Buffer => createHash('sha256').update(token).digest();

/** Who may do what. Tokens are kept as digests, and compared in a time that does not depend on them. */
export class Tokens {
  readonly #known: readonly KnownToken[];

  /** @throws FatalError for a token that is too short; it is not shown */
  constructor(settings: TokenSettings) {
    this.#known = ROLES.flatMap((role) => parse(role, settings[role] ?? ''));
  }

  /** Whether there is a token with this role or one that may do more. */
  someoneMay(role: Role): boolean {
    return this.#known.some((token) => mayAct(token.role, role));
  }

  personOf(token: string): Person | undefined {
    const digest = digestOf(token);
    let found: Person | undefined;
    for (const known of this.#known) {
      if (timingSafeEqual(known.digest, digest)) found = { name: known.name, role: known.role };
    }
    return found;
  }
}

function parse(role: Role, setting: string): KnownToken[] {
  const entries = setting.split(',').filter((entry) => entry.trim() !== '');
  return entries.map((entry) => {
    const [, name = role, token = ''] = /^(?:([\w.@ -]{1,60})=)?(.*)$/.exec(entry.trim()) ?? [];
    if (token.length < SHORTEST) {
      const variable = `DASHBOARD_${role.toUpperCase()}_TOKEN`;
      throw new FatalError('token_too_short', `${variable}: a token has at least ${SHORTEST} characters`);
    }
    return { name: name.trim(), role, digest: digestOf(token) };
  });
}
