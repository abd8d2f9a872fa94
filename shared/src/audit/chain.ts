import { createHash } from 'node:crypto';
import type { AuditLine } from './lines.js';

/** All lines up to one of them, as one hash. */
export interface ChainPlace {
  /** How many lines. */
  readonly number: number;
  /** SHA-256, 64 hex digits: of the place before, and the SHA-256 of the line. */
  readonly hash: string;
}

/** Before the first line. */
export const BEGINNING: ChainPlace = { number: 0, hash: '0'.repeat(64) };

/** Something that no writer has left so: among these lines one or more are missing, changed, put in or moved. */
export interface ChainFault {
  /** The first of them, counted from 1. */
  readonly from: number;
  /** The last of them; less than the first where lines are missing before the first one of all. */
  readonly to: number;
  /** How many lines are missing; 0 if others stand in their place. */
  readonly missing: number;
}

/** Places that lines may still name: another process may have written as many lines between its look at the file and its own lines. */
const REMEMBERED = 50_000;

/** A way to read what came so far. There is one, but where a fault leaves open what happened. */
interface Way {
  number: number;
  hash: string;
}

/**
 * The chain of an audit log: each line names all lines that its writer had seen before it. Several processes append without waiting for each
 * other, so a line may leave out the last ones; the next line of anybody has them. So there is one chain for all, and no line but
 * those at the end that is not held by a later one.
 */
export class AuditChain {
  readonly faults: ChainFault[] = [];
  /** Lines before the first one that names others: from before there was a chain. */
  older = 0;
  /** Lines behind it that name none: torn by a crash, or of an older version. A later line holds them. */
  without = 0;
  lines = 0;
  #ways: Way[] = [];
  readonly #known = new Map<string, Way>();
  /** The digests of the last lines. */
  readonly #digests: Buffer[] = [];
  /** Lines that are held by a link that fits. */
  #held = 0;
  #isBroken = false;
  readonly #awaited: ChainPlace | undefined;
  /** Whether the awaited place came by. */
  hasSeen = false;

  /**
   * @param from where the lines begin that will be taken
   * @param awaited a place to look out for
   */
  constructor(from: ChainPlace = BEGINNING, awaited?: ChainPlace) {
    this.#awaited = awaited;
    this.#takeUp([{ ...from }]);
  }

  /** Behind the last line that was taken. */
  get place(): ChainPlace {
    const { number, hash } = this.#ways[0] ?? BEGINNING;
    return { number, hash };
  }

  /** Whether this place has come by, among the last ones. */
  knows(place: ChainPlace): boolean {
    return this.#known.has(keyOf(place));
  }

  take({ head, digest }: AuditLine): void {
    const link = linkIn(head);
    if (link !== undefined) this.#judge(link);
    else if (this.lines === this.older && this.faults.length === 0) this.older += 1;
    else this.without += 1;
    this.lines += 1;
    this.#digests.push(digest);
    if (this.#digests.length > 2 * REMEMBERED) this.#digests.splice(0, REMEMBERED);
    for (const way of this.#ways) {
      way.hash = after(way.hash, digest);
      way.number += 1;
    }
    this.#remember();
  }

  #judge(link: ChainPlace): void {
    const way = this.#known.get(keyOf(link));
    if (way !== undefined) {
      this.#ways = [way];
      this.#held = Math.max(this.#held, this.lines - (way.number - link.number));
      this.#isBroken = false;
      return;
    }
    const { number } = this.place;
    const missing = Math.max(0, link.number - number);
    // Faults of lines that follow each other are one.
    const last = this.#isBroken ? this.faults.pop() : undefined;
    const from = last?.from ?? this.#held + 1;
    this.faults.push({ from, to: this.lines, missing: (last?.missing ?? 0) + missing });
    this.#isBroken = true;
    this.#held = this.lines;
    // What the line names may end right before it, or as many lines before it as its number says.
    const ways = [{ ...link }];
    const between = number - link.number;
    if (between > 0 && between <= this.#digests.length) {
      const hash = this.#digests.slice(-between).reduce((before, digest) => after(before, digest), link.hash);
      ways.push({ number, hash });
    }
    this.#takeUp(ways);
  }

  #takeUp(ways: Way[]): void {
    this.#ways = ways;
    this.#remember();
  }

  #remember(): void {
    for (const way of this.#ways) {
      this.#known.set(keyOf(way), way);
      if (this.#awaited !== undefined && keyOf(this.#awaited) === keyOf(way)) this.hasSeen = true;
    }
    for (const key of this.#known.keys()) {
      if (this.#known.size <= REMEMBERED) break;
      this.#known.delete(key);
    }
  }
}

const after = (hash: string, digest: Buffer): string => createHash('sha256').update(hash).update(digest).digest('hex');

const PLACE = '(\\d{1,15}):([0-9a-f]{64})';
const LINK = new RegExp(`^\\{"link":"${PLACE}"`);
const WHOLE = new RegExp(`^${PLACE}$`);

/** `17:ab12…`, as it stands in a line and as people note it. */
export const keyOf = ({ number, hash }: ChainPlace): string => `${number}:${hash}`;

/** @returns undefined for a text that is none */
export const placeIn = (text: string): ChainPlace | undefined => placeOf(WHOLE.exec(text));

/** What a line names. */
const linkIn = (head: string): ChainPlace | undefined => placeOf(LINK.exec(head));

function placeOf(found: RegExpExecArray | null): ChainPlace | undefined {
  const [, number, hash] = found ?? [];
  return number === undefined || hash === undefined ? undefined : { number: Number(number), hash };
}
