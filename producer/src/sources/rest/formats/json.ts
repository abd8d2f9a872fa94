/** A number in JSON text that may be larger than a double can hold, by its exponent or its length. */
const LARGE_NUMBER = /[[:,\s]-?(?:\d+(?:\.\d+)?[eE]\+?\d{3}|\d{309})/;

/**
 * What a JSON text says. JSON.parse makes Infinity of 1e400, and writing that again makes null of it: the value would be
 * gone without a word. Here it stays as the text "Infinity", and the consumer finds that it is no number.
 *
 * @throws SyntaxError as JSON.parse does
 */
export function parseJson(text: string): unknown {
  if (!LARGE_NUMBER.test(text)) return JSON.parse(text);
  return JSON.parse(text, (_name, value: unknown) =>
    value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY ? String(value) : value,
  );
}
