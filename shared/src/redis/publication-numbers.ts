/**
 * Names the publication of a message and its number in it: `5f3a…/17`. The records of a pack have numbers that follow each other:
 * `5f3a…/17+100` has 100 from 17.
 */
export const PUBLICATION_HEADER = 'publication';

/**
 * A number that the producer knew when it published the message, of the sequence that all producers of a pipeline draw from
 * (publications.ts). So a message with a number that is not less than a drawn one was published after the draw.
 */
export const PUBLISHED_AFTER_HEADER = 'publishedAfter';

/** 0 for a message of another program. */
export function readPublishedAfter(headers: Readonly<Record<string, unknown>> = {}): number {
  const after = headers[PUBLISHED_AFTER_HEADER];
  return Number.isSafeInteger(after) ? (after as number) : 0;
}

/** Numbers are below this, so that a message of another program cannot make Redis hold a large map. */
export const MOST_NUMBERED = 2 ** 24;

const TOKEN_LENGTH = 16;

/** The publication and the numbers in a header; undefined if it is not one. */
export function readPublication(header: unknown): { readonly token: string; readonly numbers: NumberRun } | undefined {
  if (typeof header !== 'string') return undefined;
  const numbers = readNumbers(header);
  const token = header.slice(0, TOKEN_LENGTH);
  return numbers === undefined || !/^[0-9a-f]{16}$/.test(token) ? undefined : { token, numbers };
}

/** The numbers behind the token; undefined if there are none. */
function readNumbers(header: string): NumberRun | undefined {
  if (header.charCodeAt(TOKEN_LENGTH) !== SLASH) return undefined;
  const plus = header.indexOf('+', TOKEN_LENGTH);
  const first = readDigits(header, TOKEN_LENGTH + 1, plus === -1 ? header.length : plus);
  const count = plus === -1 ? 1 : readDigits(header, plus + 1, header.length);
  if (first === undefined || count === undefined || count === 0 || first + count > MOST_NUMBERED) return undefined;
  return [first, first + count - 1];
}

const SLASH = 47;
const ZERO = 48;
const MOST_DIGITS = 8;

/** Read digit by digit, because it is done for each message. */
function readDigits(text: string, from: number, to: number): number | undefined {
  if (to <= from || to - from > MOST_DIGITS) return undefined;
  let number = 0;
  for (let at = from; at < to; at++) {
    const digit = text.charCodeAt(at) - ZERO;
    if (digit < 0 || digit > 9) return undefined;
    number = number * 10 + digit;
  }
  return number;
}

/** A run of numbers: the first and the last. */
export type NumberRun = [first: number, last: number];

/** Numbers of one publication and one queue, in runs. They may overlap. */
export interface SettledNumbers {
  readonly token: string;
  readonly queue: string;
  readonly runs: readonly NumberRun[];
}

/** Gathers the numbers of messages of one queue. */
export class NumbersOfQueue {
  readonly #queue: string;
  #gathered = new Map<string, NumberRun[]>();
  #token = '';
  #runs: NumberRun[] = [];

  constructor(queue: string) {
    this.#queue = queue;
  }

  /** @returns whether the message is numbered */
  add(header: unknown): boolean {
    if (typeof header !== 'string') return false;
    const numbers = readNumbers(header);
    if (numbers === undefined) return false;
    // Messages that follow each other are mostly of one publication, and have numbers that follow each other.
    if (this.#token === '' || !header.startsWith(this.#token)) {
      const publication = readPublication(header);
      if (publication === undefined) return false;
      this.#turnTo(publication.token);
    }
    const last = this.#runs.at(-1);
    if (last !== undefined && numbers[0] === last[1] + 1) last[1] = numbers[1];
    else this.#runs.push(numbers);
    return true;
  }

  #turnTo(token: string): void {
    this.#token = token;
    this.#runs = this.#gathered.get(token) ?? [];
    this.#gathered.set(token, this.#runs);
  }

  /** What was gathered since the last call. */
  take(): SettledNumbers[] {
    const taken = [...this.#gathered].map(([token, runs]) => ({ token, queue: this.#queue, runs: joined(runs) }));
    this.#gathered = new Map();
    this.#token = '';
    return taken;
  }

  /** Takes back what could not be noted. */
  giveBack({ token, runs }: SettledNumbers): void {
    this.#turnTo(token);
    this.#runs.push(...runs);
  }
}

/** As few runs as possible of the same numbers, in their order. */
export function joined(runs: readonly NumberRun[]): readonly NumberRun[] {
  if (runs.length < 2) return runs;
  const fewer: NumberRun[] = [];
  for (const [first, last] of runs.toSorted((a, b) => a[0] - b[0])) {
    const before = fewer.at(-1);
    if (before !== undefined && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else fewer.push([first, last]);
  }
  return fewer;
}
