import { PoisonError } from '@tributary/shared';
import type { DeadLetter } from './letter.js';
import type { Mended } from './mending.js';
import { Faults, type Prospect, problemOf } from './verdict.js';

/** What would become of letters if they were mended, or their entity defined otherwise. */
export interface MendProspect {
  /** Letters that match. */
  readonly total: number;
  readonly prospect: Prospect;
  /** Some of those that would pass and are mended: the fields that are set, as JSON, before and after. */
  readonly examples: readonly {
    readonly id: string;
    readonly key: string | null;
    readonly before: string;
    readonly after: string;
  }[];
  /** Letters that were looked at. */
  readonly looked: number;
  /** False if there are more than were looked at. */
  readonly complete: boolean;
}

const MOST_EXAMPLES = 5;

/** Counts what a mending would come to, letter by letter. */
export class MendProspects {
  readonly #faults = new Faults();
  readonly #examples: MendProspect['examples'][number][] = [];
  #total = 0;
  #passing = 0;
  #unknown = 0;

  /** @param make gives what is shown as an example, if anything; rejects with a PoisonError if the letter would stay */
  async add({ id, key }: DeadLetter, make: () => Promise<Mended | undefined>): Promise<void> {
    this.#total += 1;
    try {
      const mended = await make();
      this.#passing += 1;
      if (mended === undefined || this.#examples.length >= MOST_EXAMPLES) return;
      const { before, after } = mended;
      this.#examples.push({ id, key, before, after });
    } catch (error) {
      if (!(error instanceof PoisonError)) throw error;
      this.#faults.add(problemOf(error));
    }
  }

  /** A letter whose body is kept with the output: it is judged when it is mended. */
  addUnknown(): void {
    this.#total += 1;
    this.#unknown += 1;
  }

  get told(): Omit<MendProspect, 'looked' | 'complete'> {
    const { count: staying, list: faults } = this.#faults;
    const prospect = { passing: this.#passing, unknown: this.#unknown, staying, faults };
    return { total: this.#total, prospect, examples: this.#examples };
  }
}
