import { describe, expect, test } from 'vitest';
import type { Endpoint } from '../../src/endpoint.js';
import type { Page, PageRequest, Source } from '../../src/sources/port.js';

/** A record as the stages hold it: its version is the time at which it was changed. */
export interface StageRecord {
  readonly id: string;
  readonly updatedAt: string;
}

/** A place with records, and the source that reads them. */
export interface SourceStage {
  readonly endpoint: Pick<Endpoint, 'id'>;
  readonly source: Source;
  /** By the clock that the source was given. */
  now(): number;
  /** Adds records, or replaces those of the same id. */
  put(records: readonly StageRecord[]): Promise<void>;
  /** The other side is away: nothing answers. Calling the result brings it back. */
  goAway(): Promise<() => Promise<void>>;
  /** Whether it goes by a place of its own, and not by versions. */
  readonly goesByPlace?: boolean;
  /** What of the settings must not be in any error. */
  readonly secret: string;
}

const BEGIN = Date.parse('2026-01-01T00:00:00.000Z');

const recordAt = (number: number): StageRecord => ({
  id: `c${String(number).padStart(3, '0')}`,
  updatedAt: new Date(BEGIN + number * 60_000).toISOString(),
});

const many = (count: number): StageRecord[] => Array.from({ length: count }, (_, number) => recordAt(number));

async function read(source: Source, asked: Partial<PageRequest> = {}): Promise<Page[]> {
  const pages: Page[] = [];
  const { signal } = new AbortController();
  for await (const page of source.pages({ validators: [], signal, ...asked })) pages.push(page);
  return pages;
}

/** As it is after it was stored. */
const copied = (place: object | undefined): object => JSON.parse(JSON.stringify(place)) as object;

const idsOf = (pages: readonly Page[]): string[] =>
  pages.flatMap(({ records }) => records.map((record) => String((record as { id: unknown }).id)));

/**
 * What every source holds to, whatever it reads.
 * @param stage an empty place, read in pages of 10 records
 */
export function describeSource(name: string, stage: () => Promise<SourceStage>): void {
  describe(`the source ${name}`, () => {
    test('gives a page without records where there are none', async () => {
      const { source } = await stage();
      const pages = await read(source);
      expect(pages.length).toBeGreaterThan(0);
      expect(idsOf(pages)).toEqual([]);
    });

    test('gives every record once, in pages, each with the time at which it was there', async () => {
      const { source, put, now } = await stage();
      await put(many(25));
      const before = now();
      const pages = await read(source);
      expect(idsOf(pages).sort()).toEqual(many(25).map(({ id }) => id));
      expect(pages.length).toBeGreaterThanOrEqual(3);
      for (const { fetchedAt } of pages) {
        expect(fetchedAt).toBeGreaterThanOrEqual(before);
        expect(fetchedAt).toBeLessThanOrEqual(now());
      }
    });

    test('gives what changed since a version, or since a place, and may give more, but not everything', async () => {
      const { source, put, goesByPlace = false } = await stage();
      await put(many(25));
      if (goesByPlace) {
        const place = (await read(source)).findLast((page) => page.place !== undefined)?.place;
        expect(place).toBeDefined();
        expect(idsOf(await read(source, { place: copied(place) }))).toEqual([]);
        const added = [26, 27, 28].map((number) => recordAt(number));
        await put(added);
        const ids = idsOf(await read(source, { place: copied(place) }));
        expect(ids).toEqual(expect.arrayContaining(added.map(({ id }) => id)));
        expect(ids.length).toBeLessThan(25);
        return;
      }
      const ids = idsOf(await read(source, { since: recordAt(15).updatedAt }));
      expect(ids).toEqual(
        expect.arrayContaining(
          many(25)
            .slice(15)
            .map(({ id }) => id),
        ),
      );
      expect(ids.length).toBeLessThan(25);
    });

    test('can be read again, also after a run that was left in the middle', async () => {
      const { source, put } = await stage();
      await put(many(25));
      for await (const page of source.pages({ validators: [], signal: new AbortController().signal })) {
        expect(page.records.length).toBeGreaterThan(0);
        break;
      }
      expect(idsOf(await read(source)).sort()).toEqual(many(25).map(({ id }) => id));
    });

    test('keeps the order of versions, if it says so', async () => {
      const { source, put } = await stage();
      await put(many(25).reverse());
      const ids = idsOf(await read(source));
      if (source.isInOrder === true) expect(ids).toEqual(many(25).map(({ id }) => id));
      else expect(ids).toHaveLength(25);
    });

    test('throws the reason of a signal that has aborted', async () => {
      const { source, put } = await stage();
      await put(many(25));
      const stop = new AbortController();
      const reading = (async () => {
        for await (const _page of source.pages({ validators: [], signal: stop.signal }))
          stop.abort(new Error('enough'));
      })();
      await expect(reading).rejects.toThrow('enough');
    });

    test('says in a RetryableError which endpoint cannot be read, without secrets, and reads on when the other side is back', async () => {
      const { source, endpoint, put, goAway, secret } = await stage();
      await put(many(3));
      const comeBack = await goAway();
      const error = await read(source, { trial: true }).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      await comeBack();
      expect(error).toMatchObject({ name: 'RetryableError' });
      expect(String(error)).toContain(endpoint.id);
      expect(String(error)).not.toContain(secret);
      expect(idsOf(await read(source)).sort()).toEqual(many(3).map(({ id }) => id));
    });
  });
}
