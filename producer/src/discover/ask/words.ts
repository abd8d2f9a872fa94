import { FatalError } from '@tributary/shared';

/** A line that ends in a backslash goes on in the next: of POSIX shells, and ^ and ` as Windows has them. */
const CONTINUED = /[\\^`]\r?\n/g;
const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
  e: '\x1b',
};
const ANSI = /\\(?:x([\da-fA-F]{1,2})|u([\da-fA-F]{1,4})|([0-7]{1,3})|(.))/gs;

/** What may follow each other in a word: 'as it is', $'with escapes', "with some escapes", \x, and anything else. */
const PIECE = /\$'((?:[^'\\]|\\.)*)'|'([^']*)'|\$?"((?:[^"\\]|\\.)*)"|\\(.)|([^\s'"\\]+)/sy;

/**
 * The words of a command line as a POSIX shell and bash read them. Nothing is run or filled in: `$TOKEN` becomes `${TOKEN}`, which the
 * pipeline file takes from the environment, unless it stands in single quotes.
 *
 * @throws FatalError if a quotation mark is not closed
 */
export function wordsOf(line: string): string[] {
  const text = line.replaceAll(CONTINUED, ' ').trim();
  const words: string[] = [];
  for (let at = 0; at < text.length; ) {
    let word = '';
    while (at < text.length && !/\s/.test(text[at] ?? '')) {
      PIECE.lastIndex = at;
      const piece = PIECE.exec(text);
      if (piece === null)
        throw new FatalError('curl_invalid', `a quotation mark is not closed: ${text.slice(at, at + 30)}`);
      word += textOf(piece);
      at = PIECE.lastIndex;
    }
    words.push(word);
    while (at < text.length && /\s/.test(text[at] ?? '')) at++;
  }
  return words;
}

function textOf([, ansi, single, double, escaped, plain]: RegExpExecArray): string {
  if (ansi !== undefined) return ansi.replaceAll(ANSI, unescapeAnsi);
  if (single !== undefined) return single;
  if (double !== undefined) return withVariables(double.replaceAll(/\\([\\"$`])/g, '$1'));
  return escaped ?? withVariables(plain ?? '');
}

function unescapeAnsi(_all: string, hex?: string, unicode?: string, octal?: string, letter = ''): string {
  if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
  const code = hex ?? unicode;
  return code === undefined ? (ESCAPES[letter] ?? letter) : String.fromCodePoint(Number.parseInt(code, 16));
}

/** `$filter` of OData is no variable: those are written in capitals. */
const withVariables = (text: string): string => text.replaceAll(/\$([A-Z][A-Z0-9_]*)\b/g, `\${$1}`);
