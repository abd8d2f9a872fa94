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

/** Text as a cell that no spreadsheet runs: what might be a formula gets a `'` before it. */
export function guard(text: string): string {
  return MAY_BE_FORMULA.test(text) && !isHarmless(text) ? `'${text}` : text;
}

/**
 * The text that {@link guard} made the cell from. Until November 2026 numbers and phone numbers got their quote as well, and
 * such cells are read too: no text has two meanings, as one that begins with a quote itself has always got one more.
 */
export const withoutGuard = (cell: string): string =>
  cell.startsWith("'") && MAY_BE_FORMULA.test(cell) ? cell.slice(1) : cell;

const isHarmless = (text: string): boolean => text.length <= LONGEST && (NUMBER.test(text) || PHONE_NUMBER.test(text));
