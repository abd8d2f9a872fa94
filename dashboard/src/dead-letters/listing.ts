import type { Clock } from '@tributary/shared';
import type { DeadLetters } from './dead-letters.js';
import { groupsOf, type LetterGroup, MOST_GROUPS } from './groups.js';
import { type DeadLetter, type LetterMatch, type ListedLetter, matches, type WholeLetter } from './letter.js';
import { Faults, type Prospect } from './verdict.js';

/** How often each value of a criterion occurs, the most frequent first. */
export type LetterFacet = readonly { readonly value: string; readonly count: number }[];

export interface LetterPage {
  /** How many letters each queue holds now. */
  readonly queues: readonly { readonly queue: string; readonly entity: string; readonly letters: number }[];
  /** The letters that match, the newest first. */
  readonly letters: readonly ListedLetter[];
  readonly total: number;
  readonly prospect: Prospect;
  /** The letters that match by their cause, at most 100 causes, the most frequent first; and how many causes there are. */
  readonly groups: readonly LetterGroup[];
  readonly causes: number;
  /** Counts over the letters that meet all other criteria than the facet's own. */
  readonly facets: Readonly<Record<'queue' | 'code' | 'field' | 'endpoint', LetterFacet>>;
  /** False if there are more letters than were looked at: only the oldest of each queue were. */
  readonly complete: boolean;
  /** How many were looked at: filters, counts and pages are made of these. */
  readonly looked: number;
  readonly lookedAt: string;
}

/**
 * Milliseconds for which the letters that were seen are shown again, as long as the queue's count stays: each look uses up
 * one delivery of every letter.
 */
const FRESH = 30_000;

interface Look {
  /** The time of day, to be shown. */
  readonly at: number;
  /** By the clock that is never set, for its age. */
  readonly since: number;
  readonly depth: number;
  readonly letters: readonly ListedLetter[];
  readonly complete: boolean;
}

const FACETS = ['queue', 'code', 'field', 'endpoint'] as const;

/** The dead letters as they were when they were last looked at. */
export class Listing {
  readonly #deadLetters: DeadLetters;
  readonly #clock: Clock;
  /** The last look at each queue. */
  readonly #looks = new Map<string, Look>();

  constructor(deadLetters: DeadLetters, clock: Clock) {
    this.#deadLetters = deadLetters;
    this.#clock = clock;
  }

  /** Called when something was done to the letters: the next page looks again. */
  forget(): void {
    this.#looks.clear();
  }

  async page(
    match: LetterMatch,
    range: { readonly offset: number; readonly limit: number },
    signal: AbortSignal,
  ): Promise<LetterPage> {
    const queues = await this.#deadLetters.counts();
    const looks: Look[] = [];
    for (const { queue, letters } of queues) looks.push(await this.#look(queue, letters, signal));
    const all = looks.flatMap((look) => look.letters);
    const found = all.filter((letter) => matches(letter, match));
    found.sort((a, b) => (a.deadAt < b.deadAt ? 1 : a.deadAt > b.deadAt ? -1 : 0));
    const groups = groupsOf(found);
    return {
      queues,
      groups: groups.slice(0, MOST_GROUPS),
      causes: groups.length,
      letters: found.slice(range.offset, range.offset + range.limit),
      total: found.length,
      prospect: prospectOf(found),
      facets: Object.fromEntries(
        FACETS.map((name) => [name, facet(all, name, { ...match, [name]: undefined })]),
      ) as LetterPage['facets'],
      complete: looks.every((look) => look.complete),
      looked: all.length,
      lookedAt: new Date(Math.min(...looks.map((look) => look.at))).toISOString(),
    };
  }

  /** The letters of one key that came from these queues, the newest first, at most 20. Another entity may have the same key. */
  async ofKey(key: string, queues: readonly string[], signal: AbortSignal): Promise<readonly ListedLetter[]> {
    if (queues.length === 0) return [];
    const { letters } = await this.page({}, { offset: 0, limit: 1_000_000 }, signal);
    return letters.filter((letter) => letter.key === key && queues.includes(letter.queue)).slice(0, 20);
  }

  /** Finds a letter in any queue. */
  async find(id: string, signal: AbortSignal): Promise<WholeLetter | undefined> {
    const known = [...this.#looks].find(([, look]) => look.letters.some((letter) => letter.id === id))?.[0];
    const others = this.#deadLetters.topology.queues.map(({ queue }) => queue).filter((queue) => queue !== known);
    for (const queue of known === undefined ? others : [known, ...others]) {
      const found = await this.#deadLetters.find(queue, id, signal);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async #look(queue: string, depth: number, signal: AbortSignal): Promise<Look> {
    const before = this.#looks.get(queue);
    const since = this.#clock.monotonic();
    if (before !== undefined && before.depth === depth && since - before.since < FRESH) return before;
    const found = depth === 0 ? { letters: [], complete: true } : await this.#deadLetters.list(queue, signal);
    signal.throwIfAborted();
    const look = { at: this.#clock.now(), since, depth, ...found };
    this.#looks.set(queue, look);
    return look;
  }
}

function prospectOf(letters: readonly ListedLetter[]): Prospect {
  const faults = new Faults();
  for (const { now } of letters) if (now.problem !== null) faults.add(now.problem);
  const passing = letters.filter(({ now }) => now.passes === true).length;
  const unknown = letters.filter(({ now }) => now.passes === null).length;
  return { passing, unknown, staying: faults.count, faults: faults.list };
}

function facet(letters: readonly DeadLetter[], name: (typeof FACETS)[number], match: LetterMatch): LetterFacet {
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
