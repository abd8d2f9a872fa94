import { compilePath, type EndpointConfig, parseJson, RetryableError } from '@tributary/shared';
import type { Answer } from '../fetch.js';
import { type BodyFormat, typeOf } from './format.js';
import { recordsAt } from './records-at.js';

/** One JSON document, with a list of records in it. */
export function jsonFormat({ items }: Pick<EndpointConfig, 'items'>): BodyFormat {
  const path = compilePath(items);
  return {
    accept: 'application/json',
    read(answer, excerpt) {
      refuseMarkup(answer, excerpt);
      const body = parseBody(answer, excerpt);
      return { body, records: recordsAt(body, path, { status: answer.status, excerpt }) };
    },
  };
}

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
