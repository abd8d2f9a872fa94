const MARKS = /["{}[\]]/g;

/** Where one knows already: behind the end of what begins there; not within the text. */
const UNKNOWN = 0;
const NOWHERE = -1;

/**
 * Finds where the JSON values of a text end, by their brackets and quotes. Of a text in which one was not closed, or too long, each bracket and
 * each quote is looked at once, however many values begin in it: where each was looked for to the end of the text, a file of 60 KB with a bracket
 * in each line held up the process for minutes, and one of a megabyte for hours.
 */
export class ValueEnds {
  readonly #text: string;
  /** By the place of a bracket that opens: behind its closing one. By the place of a quote that opens a text: where the next bracket is, and 1 more. */
  #known: Int32Array | undefined;
  /** The last text that was looked through: from where, and where its closing quote is. */
  #texts = { from: 0, close: 0 };

  constructor(text: string) {
    this.#text = text;
  }

  /** From now on what is found is remembered: it is likely to be asked for again. */
  remember(): void {
    this.#known ??= new Int32Array(this.#text.length + 1);
  }

  /** Behind the list or object that begins at a place; undefined if its end is not there. */
  of(begin: number): number | undefined {
    const known = this.#known;
    const open: number[] = [];
    for (let at = begin; ; ) {
      const mark = this.#bracketFrom(at);
      const isOpening = mark !== NOWHERE && (this.#text[mark] === '{' || this.#text[mark] === '[');
      const end = isOpening ? (known?.[mark] ?? UNKNOWN) : UNKNOWN;
      if (mark === NOWHERE || end === NOWHERE) {
        if (known !== undefined) for (const one of open) known[one] = NOWHERE;
        return undefined;
      }
      if (end !== UNKNOWN) {
        if (open.length === 0) return end;
        at = end;
      } else if (isOpening) {
        open.push(mark);
        at = mark + 1;
      } else {
        const one = open.pop();
        if (known !== undefined && one !== undefined) known[one] = mark + 1;
        if (open.length === 0) return mark + 1;
        at = mark + 1;
      }
    }
  }

  /** The first bracket at or behind a place that is in no text; {@link NOWHERE} if there is none, or a text does not end. */
  #bracketFrom(from: number): number {
    const known = this.#known;
    const quotes: number[] = [];
    let bracket = NOWHERE;
    MARKS.lastIndex = from;
    for (let found = MARKS.exec(this.#text); found !== null; found = MARKS.exec(this.#text)) {
      if (found[0] !== '"') {
        bracket = found.index;
        break;
      }
      const before = known?.[found.index] ?? UNKNOWN;
      if (before !== UNKNOWN) {
        bracket = before === NOWHERE ? NOWHERE : before - 1;
        break;
      }
      if (known !== undefined) quotes.push(found.index);
      const end = this.ofText(found.index);
      if (end === undefined) break;
      MARKS.lastIndex = end;
    }
    if (known !== undefined) for (const quote of quotes) known[quote] = bracket === NOWHERE ? NOWHERE : bracket + 1;
    return bracket;
  }

  /** Behind the closing quote of the text that begins at a place. */
  ofText(begin: number): number | undefined {
    const { from, close } = this.#texts;
    if (begin >= from && begin < close) return close === Number.POSITIVE_INFINITY ? undefined : close + 1;
    const end = endOfText(this.#text, begin);
    this.#texts = { from: begin, close: end === undefined ? Number.POSITIVE_INFINITY : end - 1 };
    return end;
  }
}

function endOfText(text: string, begin: number): number | undefined {
  for (let close = text.indexOf('"', begin + 1); close !== -1; close = text.indexOf('"', close + 1)) {
    let backslashes = 0;
    while (text[close - 1 - backslashes] === '\\') backslashes += 1;
    if (backslashes % 2 === 0) return close + 1;
  }
  return undefined;
}
