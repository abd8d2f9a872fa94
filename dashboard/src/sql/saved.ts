import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Clock, describeError, RetryableError, readText, replaceFile } from '@tributary/shared';
import { z } from 'zod';
import { ApiError } from '../http/api-error.js';

export interface SavedQuery {
  readonly name: string;
  readonly query: string;
  /** Who saved it. */
  readonly who: string;
  readonly at: string;
}

const MOST = 500;
/** Characters of all of them: each look at the page SQL reads and sends them all. */
const MOST_TEXT = 1_000_000;
const schema = z.array(z.strictObject({ name: z.string(), query: z.string(), who: z.string(), at: z.string() }));

/** Queries by name, for all who use this dashboard, in a file beside the audit log. */
export class SavedQueries {
  readonly #path: string;
  readonly #clock: Clock;
  #last: Promise<unknown> = Promise.resolve();

  constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
  }

  async list(): Promise<SavedQuery[]> {
    try {
      return schema.parse(JSON.parse(await readText(this.#path)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw new RetryableError(
        'queries_unreadable',
        'the file with the saved queries cannot be read; it stays as it is',
        {
          cause: error,
        },
      );
    }
  }

  /** Takes the place of one of the same name. */
  async save(one: Omit<SavedQuery, 'at'>): Promise<SavedQuery> {
    const saved = { ...one, at: new Date(this.#clock.now()).toISOString() };
    await this.#change((all) => [...all.filter(({ name }) => name !== one.name), saved]);
    return saved;
  }

  async remove(name: string): Promise<void> {
    await this.#change((all) => all.filter((one) => one.name !== name));
  }

  /** One after the other: two people may save at once. */
  #change(change: (all: SavedQuery[]) => SavedQuery[]): Promise<void> {
    const done = this.#last.then(async () => {
      const known = await this.list();
      const before = JSON.stringify(known, undefined, 1).length;
      const all = change(known).sort((a, b) => (a.name < b.name ? -1 : 1));
      if (all.length > MOST) throw new ApiError(409, 'too_many', `${MOST} queries are saved already: remove some`);
      const text = JSON.stringify(all, undefined, 1);
      if (text.length > MOST_TEXT && text.length > before)
        throw new ApiError(409, 'too_many', 'a megabyte of queries is saved already: remove some');
      await this.#write(text);
    });
    this.#last = done.catch(() => {});
    return done;
  }

  /** Whole or not at all. */
  async #write(text: string): Promise<void> {
    try {
      await mkdir(dirname(this.#path), { recursive: true });
      await replaceFile(this.#path, text, 0o600);
    } catch (cause) {
      throw new RetryableError('queries_unwritable', `queries cannot be saved: ${describeError(cause)}`, { cause });
    }
  }
}
