import { timingSafeEqual } from 'node:crypto';
import { checkToken, digestOf, FatalError } from '@tributary/shared';

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

interface KnownToken extends Person {
  readonly digest: Buffer;
}

/** Who may do what. Tokens are kept as digests, and compared in a time that does not depend on them. */
export class Tokens {
  readonly #known: readonly KnownToken[];

  /**
   * @param programs the token with which programs read, if they have one
   * @throws FatalError for a token that is too short, or that two people have; it is not shown
   */
  constructor(settings: TokenSettings, programs?: string) {
    const own = ROLES.flatMap((role) => parse(role, settings[role] ?? ''));
    const program =
      programs === undefined ? [] : [{ name: 'programs', role: 'viewer', digest: digestOf(programs) } as const];
    this.#known = [...own, ...program];
    for (const [index, one] of this.#known.entries()) {
      const twin = this.#known.slice(0, index).find(({ digest }) => digest.equals(one.digest));
      if (twin === undefined) continue;
      const both = `${twin.name} (${twin.role}) and ${one.name} (${one.role})`;
      throw new FatalError('token_twice', `${both} have the same token: give each one of their own`);
    }
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
    checkToken(`DASHBOARD_${role.toUpperCase()}_TOKEN`, token);
    return { name: name.trim(), role, digest: digestOf(token) };
  });
}
