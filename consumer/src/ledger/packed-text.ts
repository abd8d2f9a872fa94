// Numbers as text of 64 characters in the order of ASCII, six bits in each. Of two texts of one length, the greater number is the
// greater text. prelude.lua reads the same.

const DIGITS = '-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz';
const CODES = Uint8Array.from(DIGITS, (digit) => digit.charCodeAt(0));
const VALUES = new Uint8Array(128);
for (const [value, code] of CODES.entries()) VALUES[code] = value;

const NO_DIGIT = 255;
/** The values of `0` to `9` and `a` to `f`, by their codes. */
const HEX = new Uint8Array(128).fill(NO_DIGIT);
for (const digit of '0123456789abcdef') HEX[digit.charCodeAt(0)] = Number.parseInt(digit, 16);

/** Characters that are written one after the other. An instance is used for row after row, so that a row allocates nothing but its text. */
export class PackedText {
  readonly #bytes = Buffer.alloc(128);
  #length = 0;

  clear(): this {
    this.#length = 0;
    return this;
  }

  /** Writes one character of ASCII. */
  letter(letter: string): void {
    this.#bytes[this.#length++] = letter.charCodeAt(0);
  }

  /** Writes a whole number below 64 ** digits. */
  number(value: number, digits: number): void {
    let left = value;
    for (let at = this.#length + digits - 1; at >= this.#length; at--) {
      const above = Math.floor(left / 64);
      this.#bytes[at] = CODES[left - above * 64] ?? 0;
      left = above;
    }
    this.#length += digits;
  }

  /**
   * Writes the digits of hexadecimal at these places, three of them as two characters.
   * @returns whether all of them are such digits, in small letters
   */
  hex(text: string, from: number, places: readonly number[]): boolean {
    let all = 0;
    for (let at = 0; at < places.length; at += 3) {
      const x = HEX[text.charCodeAt(from + (places[at] ?? 0))] ?? NO_DIGIT;
      const y = at + 1 < places.length ? (HEX[text.charCodeAt(from + (places[at + 1] ?? 0))] ?? NO_DIGIT) : 0;
      const z = at + 2 < places.length ? (HEX[text.charCodeAt(from + (places[at + 2] ?? 0))] ?? NO_DIGIT) : 0;
      all |= x | y | z;
      this.#bytes[this.#length++] = CODES[((x << 2) | (y >> 2)) & 63] ?? 0;
      this.#bytes[this.#length++] = CODES[((y << 4) | z) & 63] ?? 0;
    }
    return all < 16;
  }

  toString(): string {
    return this.#bytes.toString('latin1', 0, this.#length);
  }
}

/** The number that these characters make, up to nine of them. */
export function readNumber(text: string): number {
  let value = 0;
  for (let at = 0; at < text.length; at++) value = value * 64 + (VALUES[text.charCodeAt(at)] ?? 0);
  return value;
}

/** The digits of hexadecimal that these characters make: three for two. */
export function readHex(text: string): string {
  let hex = '';
  for (let at = 0; at < text.length; at += 2) {
    hex += readNumber(text.slice(at, at + 2))
      .toString(16)
      .padStart(3, '0');
  }
  return hex;
}
