import { parseJson, RetryableError } from '@tributary/shared';
import type { Answer } from '../fetch.js';
import type { RecordSettings } from './format.js';
import { type BodyFormat, typeOf } from './format.js';
import { recordFinder } from './records-at.js';

/** One JSON document, with records in it. */
export function jsonFormat(_kind: unknown, settings: RecordSettings): BodyFormat {
  const find = recordFinder(settings);
  return {
    accept: 'application/json',
    read(answer, excerpt) {
      refuseMarkup(answer, excerpt);
      return find(parseBody(answer, excerpt), { status: answer.status, excerpt });
    },
  };
}

/**
 * The body decides, not what it is called: some APIs send JSON as text/html, and proxies send HTML as JSON.
 * @throws RetryableError for a body that is HTML or XML
 */
export function refuseMarkup(answer: Answer, excerpt: () => string, wanted = 'JSON'): void {
  if (!answer.text.trimStart().startsWith('<')) return;
  const message = `answered ${answer.status} with HTML or XML, not ${wanted} (${typeOf(answer)})${excerpt()}`;
  throw new RetryableError('body_html', message);
}

function parseBody(answer: Answer, excerpt: () => string): unknown {
  const { status, text } = answer;
  try {
    return parseJson(text);
  } catch {
    throw new RetryableError(
      'body_not_json',
      `answered ${status} with a body that is not JSON (${typeOf(answer)})${excerpt()}`,
    );
  }
}
