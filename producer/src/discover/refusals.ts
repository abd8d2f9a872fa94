import { FatalError } from '@tributary/shared';
import type { Answer } from '../sources/rest/fetch.js';
import type { Body } from './ask/body.js';

/** An answer that no pipeline can be made of: what was found, and what to do next. @throws FatalError for such an answer */
export function refuseStatus({ status, headers, text }: Answer, error: Error | undefined): void {
  if (status >= 200 && status < 300) return;
  const said = error?.message.replace(/^discover: page 1, /, '') ?? `answered ${status}`;
  if (status === 401 || status === 403) {
    const challenge = headers['www-authenticate'];
    const scheme = /^\w+/.exec(challenge ?? '')?.[0]?.toLowerCase();
    const wants =
      challenge === undefined ? '' : ` It asks for ${scheme} (WWW-Authenticate: ${challenge.slice(0, 100)}).`;
    const give =
      scheme === 'basic'
        ? '--auth "basic USER:PASSWORD"'
        : "--header 'Authorization: Bearer TOKEN', --header 'X-Api-Key: KEY'";
    throw new FatalError(
      `http_${status}`,
      `${said}.${wants} Give credentials as the API's documents say: ${give}, or paste their curl line`,
    );
  }
  const missing = /["'`]?([\w.[\]$-]{2,40})["'`]?\s+(?:parameter )?(?:is|are) (?:required|missing)/i.exec(text)?.[1];
  const advice =
    status === 404
      ? 'is this the address of a list? The documents of the API name it'
      : status === 405
        ? 'the API wants another method: --method POST with --body, or the curl line of its documents'
        : missing !== undefined
          ? `the API wants "${missing}": add it to the address`
          : status === 429
            ? 'the API asks for fewer requests: wait, and ask again'
            : "compare the request with the API's documents; a curl line of theirs can be pasted as it is";
  throw new FatalError(`http_${status}`, `${said}; ${advice}`);
}

/** @throws FatalError for a body without records */
export function refuseBody(body: Body, text: string): void {
  if (body.format === 'html') {
    const feed = /<link[^>]+type=["']application\/(?:rss|atom)\+xml["'][^>]*>/i.exec(text)?.[0];
    const address = feed === undefined ? undefined : /href=["']([^"']+)["']/i.exec(feed)?.[1];
    const other =
      address === undefined
        ? 'the address of the API itself is wanted, mostly with /api in it, or with a header that asks for JSON'
        : `it names a feed, which can be read: ${address}`;
    throw new FatalError(
      'body_html',
      `the answer is a web page; ${other}. If it is a login page, the API wants credentials`,
    );
  }
  if (body.format === 'empty')
    throw new FatalError('body_empty', 'the answer has no body; does the API want a POST, or a parameter?');
  if (body.format === 'text')
    throw new FatalError(
      'body_unknown',
      `the answer is neither JSON, NDJSON, CSV nor XML; it begins with ${JSON.stringify(text.trim().slice(0, 60))}`,
    );
  if (body.format !== 'json') return;
  const { value } = body;
  if (Array.isArray(value) && value.length > 0 && value.every((one) => typeof one !== 'object' || one === null)) {
    const kinds = [...new Set(value.map((one) => typeof one))].join(' and ');
    throw new FatalError(
      'records_none',
      `the answer is a list of ${value.length} plain values (${kinds}), and no records; is there an address that gives an object for each of them?`,
    );
  }
  const said = Array.isArray(value) ? undefined : errorIn(value);
  if (said !== undefined)
    throw new FatalError('error_in_body', `the answer has a good status and tells of an error all the same: ${said}`);
  if (typeof value !== 'object' || value === null || (!Array.isArray(value) && Object.keys(value).length === 0))
    throw new FatalError(
      'records_none',
      `the answer is ${JSON.stringify(value)?.slice(0, 60)}, and no records; is this the address of a list?`,
    );
  const empty = emptyList(value, '$', 0);
  if (empty !== undefined)
    throw new FatalError(
      'records_none',
      `the list at ${empty} is empty: there are no records to learn from. Ask for something that there is, or give a sample: --from sample.json`,
    );
}

function errorIn(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const entries = Object.entries(value) as [string, unknown][];
  const error = entries.find(
    ([name, one]) =>
      /^(errors?|fault|error_?message)$/i.test(name) &&
      one !== null &&
      one !== false &&
      one !== '' &&
      !(Array.isArray(one) && one.length === 0),
  );
  const isFailed = entries.some(
    ([name, one]) =>
      (/^(ok|success)$/i.test(name) && one === false) ||
      (/^(status|result)$/i.test(name) && typeof one === 'string' && /^(error|fail(ed|ure)?)$/i.test(one)),
  );
  const others = entries.some(
    ([, one]) => Array.isArray(one) && one.some((inner) => typeof inner === 'object') && one !== error?.[1],
  );
  if (others || (error === undefined && !isFailed)) return undefined;
  return JSON.stringify(error?.[1] ?? value).slice(0, 200);
}

/** Whether there is a list with something in it: `{"error": [], "result": {"rates": [...]}}` is not empty. */
const holdsList = (value: unknown, depth: number): boolean =>
  Array.isArray(value)
    ? value.length > 0
    : typeof value === 'object' &&
      value !== null &&
      depth < 4 &&
      Object.values(value).some((one) => holdsList(one, depth + 1));

/** Where the only list of a body is, if there is nothing in it. */
function emptyList(value: unknown, path: string, depth: number): string | undefined {
  if (Array.isArray(value)) return value.length === 0 ? path : undefined;
  if (typeof value !== 'object' || value === null || depth > 3) return undefined;
  const lists = Object.entries(value).filter(([, one]) => typeof one === 'object' && one !== null) as [
    string,
    unknown,
  ][];
  if (lists.some(([, one]) => holdsList(one, depth))) return undefined;
  const found = lists.flatMap(([name, one]) => emptyList(one, `${path}.${name}`, depth + 1) ?? []);
  return lists.length > 0 && lists.length <= 3 && Object.keys(value).length <= 8 ? found[0] : undefined;
}
