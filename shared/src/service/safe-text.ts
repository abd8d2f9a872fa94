/**
 * What stands between `://` and the `@` of a URL. Spaces, quotes and slashes end it; a quote within JSON is written with a backslash.
 * It begins at `://` and reads each character once, so that a long line costs no more than its length. `user:password` is what examples say.
 */
const USER_INFO = /:\/\/(?!user:password@)(?:\\.|[^\s/?#"<>\\])*@/g;
/** A password with a slash that was not encoded. No URL parser takes it, so the errors of libraries hold it as it is. */
const USER_INFO_WITH_SLASH =
  /:\/\/(?!user:password@)[^\s/:@"[]*:(?!\d{1,5}(?:[/?#\s"'`,;)\]]|$))(?:\\.|(?!:\/\/)[^\s"\\])*@/g;
/** Query parameters by which drivers take a password. An escaped quote ends one within JSON, which stays JSON. */
const QUERY = /([?&](?:password|pass|token|access_token|api_?key|secret|sslpassword)=)(?:\\[^"]|[^&\s"'<>\\])+/gi;

/** A text, such as an error of a library, without the users and passwords of the URLs in it. */
export function withoutPasswords(text: string): string {
  if (!text.includes('://')) return text;
  return text
    .replaceAll(USER_INFO, '://[secret]@')
    .replaceAll(USER_INFO_WITH_SLASH, '://[secret]@')
    .replaceAll(QUERY, '$1[secret]');
}

/** Characters that a terminal obeys (C0 but for tab and line feed, DEL, C1), and those that turn the direction of a text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const OBEYED = /\r(?!\n)|[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * A text for a terminal: a character that a terminal would obey is written as JSON writes it, such as `\u001b`. So text of a
 * record or a server cannot move the cursor, set the title, fill the clipboard, or show words in another order. JSON stays the same value.
 */
export const printable = (text: string): string => text.replaceAll(OBEYED, escaped);

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** Each escape of JSON is read whole, so that the second half of `\\` is not taken for the beginning of one. */
const ESCAPES = /\\(u(?:00[0189][0-9a-f]|007f|061c|200[ef]|202[a-e]|206[6-9])|[bfr])|\\./gi;

/** A line of JSON whose texts, once it is parsed, hold `\u001b` and the like as words, for a program that prints them as they are. */
export const printableJson = (line: string): string =>
  line.replaceAll(ESCAPES, (written: string, obeyed: string | undefined) =>
    obeyed === undefined ? written : `\\${written}`,
  );
