import { describe, expect, it } from 'vitest';
import type { CursorStore } from '../../src/cursor/cursor.js';
import { endpointWith } from '../support/pipeline.js';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const DAYS = [1, 2, 3, 4].map((day) => `2026-03-0${day}T00:00:00.000Z`) as [string, string, string, string];

/**
 * What every cursor store must do.
 * @param make an empty store, and another that shares what it keeps, as after a restart
 */
export function describeCursorStore(
  name: string,
  make: () => Promise<{ store: CursorStore; reopened: () => Promise<CursorStore> }>,
): void {
  describe(`cursor store: ${name}`, () => {
    const endpoint = endpointWith({ url: 'http://127.0.0.1:1/customers' });

    it('begins with run 1 and an empty cursor', async () => {
      const { store } = await make();
      expect(await store.begin(endpoint, NOW)).toEqual({ run: 1, cursor: { validators: [] }, notBefore: NOW });
    });

    it('counts runs upwards, also those that saved nothing, also after a restart', async () => {
      const { store, reopened } = await make();
      await store.begin(endpoint, NOW);
      await store.begin(endpoint, NOW);
      expect((await (await reopened()).begin(endpoint, NOW)).run).toBe(3);
    });

    it('returns the cursor that was saved last, also after a restart', async () => {
      const { store, reopened } = await make();
      const cursor = {
        mark: '2026-03-01T12:00:00.000Z',
        seen: '2026-03-01T12:00:01.000Z',
        place: { files: [{ name: 'a.csv', at: 5 }] },
        validators: [
          { url: 'http://127.0.0.1:1/customers', etag: 'W/"1 é"', next: 'http://127.0.0.1:1/customers?page=2' },
          { url: 'http://127.0.0.1:1/customers?page=2', lastModified: 'Sun, 01 Mar 2026 12:00:00 GMT' },
        ],
      };
      await store.save(endpoint, { mark: 'older', validators: [] });
      await store.save(endpoint, cursor);
      expect(await (await reopened()).peek(endpoint)).toEqual(cursor);
      expect((await (await reopened()).begin(endpoint, NOW)).cursor).toEqual(cursor);
    });

    it('forgets a mark that the last save did not have', async () => {
      const { store } = await make();
      await store.save(endpoint, { mark: '5', validators: [] });
      await store.save(endpoint, { validators: [] });
      expect((await store.begin(endpoint, NOW)).cursor).toEqual({ validators: [] });
    });

    it('keeps endpoints apart', async () => {
      const { store } = await make();
      const other = { ...endpoint, id: 'another' };
      await store.begin(endpoint, NOW);
      await store.save(endpoint, { mark: '5', validators: [] });
      expect(await store.begin(other, NOW)).toEqual({ run: 1, cursor: { validators: [] }, notBefore: NOW });
    });

    it('does not use a cursor that was saved for other settings, whose records it would hide', async () => {
      const { store } = await make();
      await store.begin(endpoint, NOW);
      await store.save(endpoint, { mark: '5', validators: [{ url: 'http://127.0.0.1:1/customers', etag: '"1"' }] });
      const changed = endpointWith({ url: 'http://127.0.0.1:1/customers', items: '$.data' });
      expect(await store.begin(changed, NOW)).toEqual({ run: 2, cursor: { validators: [] }, notBefore: NOW });
    });

    it('remembers the latest time of any run, also when the clock is set back, also after a restart', async () => {
      const { store, reopened } = await make();
      const other = { ...endpoint, id: 'another' };
      await store.begin(other, NOW + 60_000);
      expect((await (await reopened()).begin(endpoint, NOW)).notBefore).toBe(NOW + 60_000);
      expect((await store.begin(endpoint, NOW + 120_000)).notBefore).toBe(NOW + 120_000);
    });

    it('lets no run use the time of message ids that another has used, also when that one died, also after a restart', async () => {
      const { store, reopened } = await make();
      await store.begin(endpoint, NOW + 60_000);
      await store.reached(NOW + 60_150);
      await store.reached(NOW + 60_100);
      expect((await (await reopened()).begin(endpoint, NOW)).notBefore).toBe(NOW + 60_151);
      expect((await store.begin(endpoint, NOW + 120_000)).notBefore).toBe(NOW + 120_000);
    });

    it('forgets a cursor that is reset, and does not save that of a run in progress', async () => {
      const { store, reopened } = await make();
      await store.save(endpoint, { mark: '5', validators: [] });
      await store.begin(endpoint, NOW);
      await (await reopened()).reset(endpoint);
      await store.save(endpoint, { mark: '6', validators: [] });
      expect((await store.begin(endpoint, NOW)).cursor).toEqual({ validators: [] });
      await store.save(endpoint, { mark: '7', validators: [] });
      expect((await store.begin(endpoint, NOW)).cursor).toEqual({ mark: '7', validators: [] });
    });

    it('keeps the place of before, and no more, where records were lost, until the next place is saved', async () => {
      const { store, reopened } = await make();
      await store.begin(endpoint, NOW);
      await store.save(endpoint, { mark: '5', validators: [], place: { files: 1 } });
      await (await reopened()).lose(endpoint);
      await store.save(endpoint, { mark: '6', validators: [], place: { files: 2 } });
      expect((await store.begin(endpoint, NOW)).cursor).toEqual({ validators: [], lost: { files: 1 } });
      await store.lose(endpoint);
      expect((await store.begin(endpoint, NOW)).cursor).toEqual({ validators: [], lost: { files: 1 } });
      await store.save(endpoint, { validators: [], place: { files: 3 } });
      expect((await store.begin(endpoint, NOW)).cursor).toEqual({ validators: [], place: { files: 3 } });
      await store.save(endpoint, { mark: '7', validators: [] });
      await store.lose(endpoint);
      expect((await store.begin(endpoint, NOW)).cursor).toEqual({ validators: [] });
    });

    it('continues from the mark that it is reset to', async () => {
      const { store } = await make();
      await store.begin(endpoint, NOW);
      await store.reset(endpoint, '3');
      await store.save(endpoint, { mark: '6', validators: [] });
      expect((await store.begin(endpoint, NOW)).cursor).toEqual({ mark: '3', validators: [] });
    });

    it('goes on with the past that is still to be read, though it is reset to a mark', async () => {
      const { store, reopened } = await make();
      const [day1, day2, day3, day4] = DAYS;
      const { cursor } = await store.begin(endpoint, NOW);
      await store.save(endpoint, { ...cursor, mark: day4, backfill: { from: day2, to: day3 } });
      await (await reopened()).reset(endpoint, day3);
      expect((await store.begin(endpoint, NOW)).cursor).toEqual({
        mark: day3,
        validators: [],
        backfill: { from: day2, to: day3 },
      });
      await store.reset(endpoint, day1);
      const reset = { mark: day1, validators: [], backfill: { from: day1, to: day3 } };
      expect(await store.peek(endpoint)).toEqual(reset);
      await store.reset(endpoint);
      expect(await store.peek(endpoint)).toEqual({ validators: [] });
    });

    it('steps back to a mark, and never forward', async () => {
      const { store } = await make();
      const [day1, day2, day3] = DAYS;
      await store.begin(endpoint, NOW);
      await store.save(endpoint, { mark: day2, validators: [] });
      await store.stepBack(endpoint, day3);
      expect(await store.peek(endpoint)).toEqual({ mark: day2, validators: [] });
      await store.stepBack(endpoint, day1);
      expect(await store.peek(endpoint)).toEqual({ mark: day1, validators: [] });
    });

    it('goes back to a place, and keeps the rest of the cursor; a run in progress cannot undo that', async () => {
      const { store, reopened } = await make();
      await store.begin(endpoint, NOW);
      await store.save(endpoint, { place: { at: 7, more: [1] }, validators: [], most: 3 });
      await (await reopened()).goBack(endpoint, (place) => ({ ...place, at: 5 }));
      await store.save(endpoint, { place: { at: 8 }, validators: [] });
      const back = { place: { at: 5, more: [1] }, validators: [], most: 3 };
      expect(await store.peek(endpoint)).toEqual(back);
      expect((await store.begin(endpoint, NOW)).cursor).toEqual(back);
      await store.save(endpoint, { place: { at: 9 }, validators: [] });
      expect(await store.peek(endpoint)).toEqual({ place: { at: 9 }, validators: [] });
    });

    it('has no place to go back to where everything is polled again', async () => {
      const { store } = await make();
      await store.begin(endpoint, NOW);
      await store.save(endpoint, { place: { at: 7 }, validators: [] });
      await store.reset(endpoint);
      await store.goBack(endpoint, (place) => ({ ...place, at: 5 }));
      expect(await store.peek(endpoint)).toEqual({ validators: [] });
    });

    it('still polls everything where a cursor was reset before it steps back', async () => {
      const { store, reopened } = await make();
      const [, day2, day3] = DAYS;
      await store.begin(endpoint, NOW);
      await store.save(endpoint, { mark: day3, validators: [] });
      await store.reset(endpoint);
      await (await reopened()).stepBack(endpoint, day2);
      expect(await store.peek(endpoint)).toEqual({ validators: [] });
    });
  });
}
