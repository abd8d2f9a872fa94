/** A text longer than this is not kept: few are, and the memory stays bounded. */
const LONGEST = 256;

/**
 * Remembers what was made of the texts that were asked for last: at least so many of them, at most twice as many. All that was asked for
 * before the present ones is dropped at once, which costs less than to know the oldest one.
 */
export class RecentTexts {
  readonly #count: number;
  #present = new Map<string, string>();
  #before = new Map<string, string>();

  constructor(count: number) {
    this.#count = count;
  }

  get(text: string): string | undefined {
    return this.#present.get(text) ?? this.#before.get(text);
  }

  set(text: string, made: string): void {
    if (text.length > LONGEST) return;
    if (this.#present.size >= this.#count) {
      this.#before = this.#present;
      this.#present = new Map();
    }
    this.#present.set(text, made);
  }
}
