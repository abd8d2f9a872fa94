import type { Clock } from '@tributary/shared';
import type { DeadLetters, WholeLetter } from './dead-letters.js';
import { type DeadLetter, type LetterMatch, matches } from './letter.js';

/** How often each value of something occurs, the most frequent first. */
export type Facet = readonly { readonly value: string; readonly count: number }[];

export interface LetterPage {
  /** What lies on each queue now. */
  readonly queues: readonly { readonly queue: string; readonly entity: string; readonly letters: number }[];
  /** The letters that match, the newest first. */
  readonly letters: readonly DeadLetter[];
  readonly total: number;
  /** Over all that match but for the facet's own criterion. */
  readonly facets: Readonly<Record<'queue' | 'code' | 'field' | 'endpoint', Facet>>;
  /** False if there are more letters than were looked at: then those are the oldest of each queue. */
  readonly complete: boolean;
  /** How many were looked at; filters, counts and pages are of these. */
  readonly looked: number;
  readonly lookedAt: string;
}

/** Each look burns a delivery of every letter: what was seen is shown again while the queue's count stays, for so long. */
const FRESH = 30_000;

interface Look {
  readonly at: number;
  readonly depth: number;
  readonly letters: readonly DeadLetter[];
  readonly complete: boolean;
}

const FACETS = ['queue', 'code', 'field', 'endpoint'] as const;

/** What the dead letters looked like when somebody last looked. */
export class Listing {
  readonly #looks = new Map<string, Look>();

  constructor(
    private readonly deadLetters: DeadLetters,
    private readonly clock: Clock,
  ) {}

  /** Something was done to them: the next page looks again. */
  forget(): void {
    this.#looks.clear();
  }

  async page(
    match: LetterMatch,
    range: { readonly offset: number; readonly limit: number },
    signal: AbortSignal,
  ): Promise<LetterPage> {
    const queues = await this.deadLetters.counts();
    const looks: Look[] = [];
    for (const { queue, letters } of queues) looks.push(await this.#look(queue, letters, signal));
    const all = looks.flatMap((look) => look.letters);
    const found = all.filter((letter) => matches(letter, match));
    found.sort((a, b) => (a.deadAt < b.deadAt ? 1 : a.deadAt > b.deadAt ? -1 : 0));
    return {
      queues,
      letters: found.slice(range.offset, range.offset + range.limit),
      total: found.length,
      facets: Object.fromEntries(
        FACETS.map((name) => [name, facet(all, name, { ...match, [name]: undefined })]),
      ) as LetterPage['facets'],
      complete: looks.every((look) => look.complete),
      looked: all.length,
      lookedAt: new Date(Math.min(...looks.map((look) => look.at))).toISOString(),
    };
  }

  /** The letters of one key, the newest first. */
  async ofKey(key: string, signal: AbortSignal): Promise<readonly DeadLetter[]> {
    const { letters } = await this.page({}, { offset: 0, limit: 1_000_000 }, signal);
    return letters.filter((letter) => letter.key === key).slice(0, 20);
  }

  /** Finds one wherever it lies. */
  async find(id: string, signal: AbortSignal): Promise<WholeLetter | undefined> {
    const known = [...this.#looks].find(([, look]) => look.letters.some((letter) => letter.id === id))?.[0];
    const others = this.deadLetters.topology.queues.map(({ queue }) => queue).filter((queue) => queue !== known);
    for (const queue of known === undefined ? others : [known, ...others]) {
      const found = await this.deadLetters.find(queue, id, signal);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async #look(queue: string, depth: number, signal: AbortSignal): Promise<Look> {
    const before = this.#looks.get(queue);
    const now = this.clock.now();
    if (before !== undefined && before.depth === depth && now - before.at < FRESH) return before;
    const found = depth === 0 ? { letters: [], complete: true } : await this.deadLetters.list(queue, signal);
    signal.throwIfAborted();
    const look = { at: now, depth, ...found };
    this.#looks.set(queue, look);
    return look;
  }
}

function facet(letters: readonly DeadLetter[], name: (typeof FACETS)[number], match: LetterMatch): Facet {
  const counts = new Map<string, number>();
  for (const letter of letters) {
    const value = letter[name];
    if (value !== null && matches(letter, match)) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return [...counts]
    .map(([value, count]) => ({ value, count }))
    .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1))
    .slice(0, 50);
}
