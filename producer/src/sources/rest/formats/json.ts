import { type EndpointConfig, RetryableError } from '@tributary/shared';
import type { Answer } from '../fetch.js';
import { recordsAt } from './body-path.js';
import { type BodyFormat, typeOf } from './format.js';

/** One JSON document, with a list of records in it. */
export const jsonFormat = ({ items }: Pick<EndpointConfig, 'items'>): BodyFormat => ({
  accept: 'application/json',
  read(answer, excerpt) {
    refuseMarkup(answer, excerpt);
    const body = parseBody(answer, excerpt);
    return { body, records: recordsAt(body, items, { status: answer.status, excerpt }) };
  },
});

/**
 * The body decides, not what it is called: some APIs send JSON as text/html, and proxies send HTML as JSON.
 * @throws RetryableError for a body that is HTML or XML
 */
export function refuseMarkup(answer: Answer, excerpt: () => string): void {
  if (!answer.text.trimStart().startsWith('<')) return;
  const message = `answered ${answer.status} with HTML or XML, not JSON (${typeOf(answer)})${excerpt()}`;
  throw new RetryableError('body_html', message);
}

function parseBody(answer: Answer, excerpt: () => string): unknown {
  const { status, headers, text } = answer;
  try {
    return parseJson(text);
  } catch {
    const encoding = headers['content-encoding'];
    const why = encoding === undefined ? '' : `, content encoding ${encoding}, which was not asked for`;
    throw new RetryableError(
      'body_not_json',
      `answered ${status} with a body that is not JSON (${typeOf(answer)}${why})${excerpt()}`,
    );
  }
}

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
