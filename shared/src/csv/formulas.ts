/**
 * A spreadsheet runs a cell that begins with one of these as a formula (OWASP, "CSV Injection"). Text that begins with quotes
 * before such a character counts too: it gets one more quote, so that reading can undo exactly what writing did.
 */
const MAY_BE_FORMULA = /^'*[=+\-@\t\r\n＝＋－＠]/;

/** A signed number, as `-12.5`, `+1,234.56`, `-1.234,56`, `-1.5e-7` or `+3 %`: a spreadsheet takes it for that number and no more. */
const NUMBER =
  /^[+-](?:\d+(?:[.,]\d+)?|\.\d+|\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,3}(?:\.\d{3})+(?:,\d+)?)(?:[eE][+-]?\d+)?(?: ?%)?$/;

/**
 * A phone number with its country, as `+49 30 7374` or `+1 (555) 010-9999`. Behind the country there is a space or a
 * parenthesis: two numbers beside each other with nothing between them are no formula in any spreadsheet. `+49-30-7374`, which
 * is one, does not pass.
 */
const PHONE_NUMBER =
  /^\+\d{1,4}(?:[ \u00a0]?\(\d{1,14}\)\d*|[ \u00a0]\d+)(?:[ \u00a0]?\(\d{1,14}\)\d*|[ \u00a0-]\d+)*$/;

/** A longer text is neither number nor phone number. */
const LONGEST = 40;

/**
 * How the texts of a part are neutralised: `true` as it is done now, `false` not at all, `'first'` as until November 2026, when what
 * stands behind a separator within a text was left as it is.
 */
export type Neutralised = boolean | 'first';

/**
 * Text as a cell that no spreadsheet runs: what might be a formula gets a `'` before it. So does what stands behind a `;`, a tab or a
 * line end: LibreOffice splits lines at those as well unless it is told otherwise, and so does Excel where the comma is the decimal sign.
 */
export function guard(text: string): string {
  const guarded = guardWithin(text);
  return MAY_BE_FORMULA.test(text) && !isHarmless(text) ? `'${guarded}` : guarded;
}

/**
 * The text that {@link guard} made the cell from. Until November 2026 numbers and phone numbers got their quote as well, and
 * such cells are read too: no text has two meanings, as one that begins with a quote itself has always got one more.
 */
export function withoutGuard(cell: string, how: Neutralised): string {
  if (how === false) return cell;
  const text = cell.startsWith("'") && MAY_BE_FORMULA.test(cell) ? cell.slice(1) : cell;
  return how === 'first' ? text : withoutGuardWithin(text);
}

/** Whether anything behind a separator is to be looked at closer: hardly any text has such a place. */
const MAY_HOLD_FORMULA = /[;\t\r\n]'*[=+\-@＝＋－＠]/;

/** What stands behind separators, up to the next one. */
const BEHIND_SEPARATOR = /(?<=[;\t\r\n])[^;\t\r\n]+/g;

const guardWithin = (text: string): string =>
  MAY_HOLD_FORMULA.test(text)
    ? text.replace(BEHIND_SEPARATOR, (piece) => (isDangerous(piece) ? `'${piece}` : piece))
    : text;

const withoutGuardWithin = (text: string): string =>
  MAY_HOLD_FORMULA.test(text)
    ? text.replace(BEHIND_SEPARATOR, (piece) => (piece.startsWith("'") && isDangerous(piece) ? piece.slice(1) : piece))
    : text;

/**
 * Whether a spreadsheet would calculate a piece of a text, whatever quotes stand before it. A list whose lines begin with a dash is left as
 * it is: without a call, another sheet or a program in it, it reads nothing and tells nobody anything.
 */
function isDangerous(piece: string): boolean {
  const text = piece.replace(/^'+/, '');
  if (/^[=@＝＠]/.test(text)) return true;
  return /^[+\-＋－]/.test(text) && /[(|!（｜！]/.test(text) && !isHarmless(text);
}

const isHarmless = (text: string): boolean => text.length <= LONGEST && (NUMBER.test(text) || PHONE_NUMBER.test(text));
