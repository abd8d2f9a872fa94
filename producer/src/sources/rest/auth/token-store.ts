import { interruptible } from '@tributary/shared';

/** A token, as it is kept between requests, and between runs. */
export interface KeptToken {
  readonly value: string;
  /** When it has to be renewed, in milliseconds since the epoch; null if that is not known. */
  readonly goodUntil: number | null;
  /** What it is renewed with, if the server has replaced the refresh token of the settings. */
  readonly refreshToken?: string | undefined;
}

/**
 * Keeps the tokens that servers give. A family is everything that was obtained by the same settings: its newest token counts for all
 * endpoints, and all producers, that the store is shared by.
 */
export interface TokenStore {
  /** Whether it outlives the process, and is shared with other producers. */
  readonly lasts: boolean;
  /** The newest token of a family; undefined if there is none, or none that can be read. */
  load(family: string): Promise<KeptToken | undefined>;
  /**
   * Replaces the newest token. No other caller renews the family meanwhile: if one refresh token is used twice, a server revokes all
   * that came of it (RFC 9700, section 4.14.2). A caller that comes later is given what was stored.
   *
   * @param work is given the newest token and returns a newer one, or the same if that is new enough
   * @param signal aborts the wait for others; work that has begun is not interrupted
   * @throws what work throws; nothing is changed then
   */
  renew(
    family: string,
    work: (kept: KeptToken | undefined) => Promise<KeptToken>,
    signal: AbortSignal,
  ): Promise<KeptToken>;
}

/** Where tokens are kept: those that the settings can obtain again, and those that they cannot. */
export interface TokenStores {
  /** Within the process. */
  readonly passing: TokenStore;
  /** For refresh tokens, which a server may replace: they must not be lost. */
  readonly lasting: TokenStore;
}

/** Tokens in memory, for one process: they are lost when it ends. */
export function memoryTokenStore(): TokenStore {
  const kept = new Map<string, KeptToken>();
  const last = new Map<string, Promise<unknown>>();
  return {
    lasts: false,
    async load(family) {
      return kept.get(family);
    },
    async renew(family, work, signal) {
      const before = last.get(family) ?? Promise.resolve();
      const mine = before.then(async () => {
        signal.throwIfAborted();
        const token = await work(kept.get(family));
        kept.set(family, token);
        return token;
      });
      // The next caller has its turn also after a failure.
      const done = mine.then(
        () => {},
        () => {},
      );
      last.set(family, done);
      await interruptible(before, signal);
      return await mine;
    },
  };
}

export const memoryTokenStores = (): TokenStores => ({ passing: memoryTokenStore(), lasting: memoryTokenStore() });
