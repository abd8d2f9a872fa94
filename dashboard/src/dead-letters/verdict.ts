import { PoisonError } from '@tributary/shared';

/** What the consumer would say of a letter's record now, by the configuration that the dashboard runs with. */
export interface Verdict {
  /** Null if it is not known: the body is kept with the output, and is read when the letter is replayed. */
  readonly passes: boolean | null;
  /** Why it would die again; null if it would not. */
  readonly problem: Problem | null;
}

export interface Problem {
  /** For programs: `field_invalid`, `not_json`, ... */
  readonly code: string;
  /** For people. */
  readonly message: string;
  readonly field: string | null;
}

/** Characters that a list keeps of a problem. */
const LONGEST = 400;

export const PASSES: Verdict = { passes: true, problem: null };
export const UNKNOWN: Verdict = { passes: null, problem: null };

/** @param check throws a PoisonError if the consumer would bury the record */
export function judge(check: () => void): Verdict {
  try {
    check();
    return PASSES;
  } catch (error) {
    if (!(error instanceof PoisonError)) throw error;
    return { passes: false, problem: problemOf(error) };
  }
}

export const problemOf = ({
  code,
  message,
  field = null,
}: {
  code: string;
  message: string;
  field?: string | null | undefined;
}): Problem => ({
  code,
  message,
  field,
});

/** The same as a list keeps it. */
export const shortened = ({ passes, problem }: Verdict): Verdict => ({
  passes,
  problem: problem === null ? null : { ...problem, message: problem.message.slice(0, LONGEST) },
});

/** Letters with one fault, and the words of one of them. */
export interface Fault extends Problem {
  readonly count: number;
}

/** What would become of the letters if they were sent again now. */
export interface Prospect {
  /** Those that the consumer would take. */
  readonly passing: number;
  /** Those whose body is kept with the output: they are judged when they are replayed. */
  readonly unknown: number;
  /** Those that would come back. */
  readonly staying: number;
  /** Why. */
  readonly faults: readonly Fault[];
}

/** Faults that are told; the most frequent first. */
const MOST_FAULTS = 10;

/** Counts problems by code and field. */
export class Faults {
  readonly #faults = new Map<string, Fault>();
  #count = 0;

  add(problem: Problem): void {
    const name = JSON.stringify([problem.code, problem.field]);
    const { count, ...first } = this.#faults.get(name) ?? {
      ...problem,
      message: problem.message.slice(0, LONGEST),
      count: 0,
    };
    this.#faults.set(name, { ...first, count: count + 1 });
    this.#count += 1;
  }

  /** How many problems there were. */
  get count(): number {
    return this.#count;
  }

  get list(): readonly Fault[] {
    return [...this.#faults.values()].sort((a, b) => b.count - a.count).slice(0, MOST_FAULTS);
  }
}
