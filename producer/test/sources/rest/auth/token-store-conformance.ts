import { describe, expect, it, vi } from 'vitest';
import type { KeptToken, TokenStore } from '../../../../src/sources/rest/auth/token-store.js';

/** Two of its users, such as two producers. */
export interface OpenTokenStores {
  readonly one: TokenStore;
  readonly other: TokenStore;
}

const token = (number: number): KeptToken => ({
  value: `access-${number}`,
  goodUntil: 1_800_000_000_000,
  refreshToken: `refresh-${number}`,
});

/** What every token store keeps, and to whom. */
export function describeTokenStore(name: string, open: () => Promise<OpenTokenStores>): void {
  const { signal } = new AbortController();

  describe(`the token store (${name})`, () => {
    it('keeps the newest token of each family, for all that use it', async () => {
      const { one, other } = await open();
      expect(await one.load('a')).toBeUndefined();
      expect(await one.renew('a', async (kept) => kept ?? token(1), signal)).toEqual(token(1));
      expect(await other.load('a')).toEqual(token(1));
      const endless = { value: 'access-2', goodUntil: null };
      expect(await other.renew('a', async () => endless, signal)).toEqual(endless);
      expect(await one.load('a')).toEqual(endless);
      expect(await one.load('b')).toBeUndefined();
    });

    it('lets no two renew a family at the same time, and gives who comes later what was stored', async () => {
      const { one, other } = await open();
      let running = 0;
      let most = 0;
      const use: (string | undefined)[] = [];
      const renew = (store: TokenStore, number: number) =>
        store.renew(
          'a',
          async (kept) => {
            running += 1;
            most = Math.max(most, running);
            use.push(kept?.refreshToken);
            await new Promise((resolve) => setTimeout(resolve, 20));
            running -= 1;
            return token(number);
          },
          signal,
        );
      await Promise.all([renew(one, 1), renew(other, 2), renew(one, 3), renew(other, 4)]);
      expect(most).toBe(1);
      const last = (await one.load('a'))?.refreshToken;
      // Each was given what the one before had stored, whichever came first.
      expect(new Set([...use, last])).toEqual(new Set([undefined, 'refresh-1', 'refresh-2', 'refresh-3', 'refresh-4']));
    });

    it('lets others renew other families meanwhile', async () => {
      const { one, other } = await open();
      let finish = () => {};
      const coming = new Promise<KeptToken>((resolve) => {
        finish = () => resolve(token(1));
      });
      const slow = one.renew('a', () => coming, signal);
      await other.renew('b', async () => token(2), signal);
      finish();
      expect(await slow).toEqual(token(1));
    });

    it('changes nothing when the renewal fails, and lets the next one in', async () => {
      const { one, other } = await open();
      await one.renew('a', async () => token(1), signal);
      const failing = one.renew('a', async () => Promise.reject(new Error('no token')), signal);
      await expect(failing).rejects.toThrow('no token');
      expect(await other.load('a')).toEqual(token(1));
      expect(await other.renew('a', async () => token(2), signal)).toEqual(token(2));
    });

    it('stops waiting for others when the signal aborts, but not a renewal that has begun', async () => {
      const { one, other } = await open();
      const stop = new AbortController();
      let finish = () => {};
      let begun = false;
      const first = one.renew(
        'a',
        () =>
          new Promise((resolve) => {
            begun = true;
            finish = () => resolve(token(1));
          }),
        stop.signal,
      );
      await vi.waitFor(() => expect(begun).toBe(true));
      const second = other.renew('a', async () => token(2), stop.signal);
      stop.abort(new Error('stopping'));
      await expect(second).rejects.toThrow('stopping');
      finish();
      expect(await first).toEqual(token(1));
      expect(await other.load('a')).toEqual(token(1));
    });
  });
}
