/**
 * Whether a spreadsheet could calculate a cell that begins with a sign: it reads `= + - @` and then an expression of numbers,
 * names, texts, calls, parentheses and operators. Written for the tests, apart from the rule that is tested.
 */
export function isFormula(cell: string): boolean {
  if (!/^[=+\-@\t\r\n]/.test(cell)) return false;
  if (/^[\t\r\n]/.test(cell)) return true;
  const reader = new Expression(cell.startsWith('=') ? cell.slice(1) : cell);
  return reader.isWhole();
}

const OPERAND = /\s*(?:\d+(?:[.,]\d+)*(?:[eE][+-]?\d+)?|\.\d+|"[^"]*"|'[^']*'!?[\w$]*|[\p{L}_$][\p{L}\p{N}_.$!:]*)/uy;
const OPERATOR = /\s*(?:<=|>=|<>|[+\-*/^&=<>|,;:!])/y;
const SIGN = /\s*[+\-@]/y;

class Expression {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  isWhole(): boolean {
    return this.#expression() && this.#text.slice(this.#at).trim() === '';
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const [found] = pattern.exec(this.#text) ?? [];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #expression(): boolean {
    do {
      if (!this.#operand()) return false;
      while (this.#take(/\s*%/y) !== undefined);
    } while (this.#take(OPERATOR) !== undefined);
    return true;
  }

  #operand(): boolean {
    while (this.#take(SIGN) !== undefined);
    if (this.#take(/\s*\(/y) !== undefined) return this.#expression() && this.#take(/\s*\)/y) !== undefined;
    const operand = this.#take(OPERAND);
    if (operand === undefined) return false;
    if (!/^\s*[\p{L}_]/u.test(operand) || this.#take(/\(/y) === undefined) return true;
    return this.#take(/\s*\)/y) !== undefined || (this.#expression() && this.#take(/\s*\)/y) !== undefined);
  }
}
