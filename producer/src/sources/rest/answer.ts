import { type EndpointConfig, FatalError, RetryableError } from '@tributary/shared';
import type { Answer } from './fetch.js';
import { valueAt } from './formats/body-path.js';
import { parseJson } from './formats/json.js';
import { recordsInLines } from './formats/ndjson.js';
import { retryAfter } from './retry-after.js';

/** The API asked for patience: not before this many milliseconds. */
export class PatienceError extends RetryableError {
  constructor(
    code: string,
    message: string,
    readonly waitMs: number,
  ) {
    super(code, message);
  }
}

/** A page as it was found in a body. */
export interface FoundPage {
  readonly body: unknown;
  readonly records: readonly unknown[];
}

/** Asked too early, too often, or of a server that is not well: it may be well later (RFC 9110, RFC 6585, RFC 8470). */
const worthRetrying = (status: number): boolean => status >= 500 || [408, 425, 429].includes(status);

/**
 * Judges an answer that is not a 304.
 *
 * @param format what the body is: one JSON value, or one a line
 * @param itemsPath where the records lie in a JSON body, such as `$.data`
 * @param conceal takes secrets out of a text before it is shown
 * @throws PatienceError, RetryableError if it may be better next time; a body that is not what it should be is such a
 *   case: it is what a proxy, a login page or a crashed worker sends
 * @throws FatalError if the same request would be answered the same way
 */
export function findPage(
  answer: Answer,
  { format, items: itemsPath }: Pick<EndpointConfig, 'format' | 'items'>,
  conceal: (text: string) => string,
): FoundPage {
  const { status, headers, text, arrivedAt } = answer;
  // Only what is wrong is shown; reading a page must not pay for it.
  const shown = () => excerpt(text, conceal);
  if (worthRetrying(status)) {
    throw new PatienceError(
      `http_${status}`,
      `answered ${status}${shown()}`,
      retryAfter(headers['retry-after'], arrivedAt),
    );
  }
  if (status >= 300 && status < 400) {
    const target = headers.location === undefined ? '' : ` to ${conceal(headers.location.replace(/\?.*/, '?...'))}`;
    const advice = "redirects are not followed; put the right address into the endpoint's url";
    throw new FatalError(`http_${status}`, `answered ${status}, a redirect${target}: ${advice}`);
  }
  if (status < 200 || status >= 400) throw new FatalError(`http_${status}`, `answered ${status}${shown()}`);
  if (status === 204) return { body: undefined, records: [] };
  refuseMarkup(answer, shown);
  if (format === 'ndjson') return { body: undefined, records: recordsInLines(text) };
  return recordsIn(answer, itemsPath, shown);
}

const typeOf = ({ headers }: Answer): string => `content type ${headers['content-type'] ?? 'missing'}`;

/** The body decides, not what it is called: some APIs send JSON as text/html, and proxies send HTML as JSON. */
function refuseMarkup(answer: Answer, shown: () => string): void {
  if (!answer.text.trimStart().startsWith('<')) return;
  const message = `answered ${answer.status} with HTML or XML, not JSON (${typeOf(answer)})${shown()}`;
  throw new RetryableError('body_html', message);
}

function recordsIn(answer: Answer, itemsPath: string, shown: () => string): FoundPage {
  const { status, headers, text } = answer;
  let body: unknown;
  try {
    body = parseJson(text);
  } catch {
    const encoding = headers['content-encoding'];
    const why = encoding === undefined ? '' : `, content encoding ${encoding}, which was not asked for`;
    throw new RetryableError(
      'body_not_json',
      `answered ${status} with a body that is not JSON (${typeOf(answer)}${why})${shown()}`,
    );
  }
  const records = valueAt(body, itemsPath);
  if (!Array.isArray(records)) {
    const message = `answered ${status}, but ${itemsPath} should be a list of records and is ${kindOf(records)}${shown()}`;
    throw new RetryableError('items_not_a_list', message);
  }
  return { body, records };
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'missing';
  return value === null ? 'null' : `a value of type ${typeof value}`;
}

/** The first 80 characters of a body, for a person: on one line, without secrets. */
function excerpt(text: string, conceal: (text: string) => string): string {
  // Conceal before cutting, or half a secret would stay.
  const line = conceal(text.slice(0, 10_000))
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim();
  if (line === '') return '; the body is empty';
  return `: "${line.length > 80 ? `${line.slice(0, 80)}...` : line}"`;
}
