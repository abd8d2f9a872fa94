import { FatalError, isMapping } from '@tributary/shared';
import { parse } from 'yaml';
import type { Settings } from '../guess.js';
import { refuseHidden } from '../placeholders.js';
import { isCurl, parseCurl } from './curl.js';
import { contentOf, headersOf, methodOf, type Target, urlOf } from './target.js';

/** What a person may give beside the URL or the curl line. */
export interface GivenOptions {
  /** `Name: value` */
  readonly header?: readonly string[] | undefined;
  /** `bearer TOKEN`, `basic USER:PASSWORD`, or a mapping in YAML. */
  readonly auth?: string | undefined;
  readonly method?: string | undefined;
  readonly body?: string | undefined;
}

/** What is asked for. @param input a URL, or a curl line @throws FatalError saying what is wrong with it */
export function targetOf(input: string, { header = [], auth, method, body }: GivenOptions): Target {
  const target: Target = isCurl(input) ? parseCurl(input) : { url: urlOf(input.trim()), method: 'GET', headers: {} };
  const headers = headersOf({ ...target.headers, ...Object.fromEntries(header.map(headerOf)) });
  const content = body === undefined ? {} : contentOf(body, undefined);
  const usual = body === undefined ? target.method : 'POST';
  const asked: Target = {
    ...target,
    headers,
    ...content,
    method: method === undefined ? usual : methodOf(method),
    ...(auth === undefined ? {} : { auth: authOf(auth) }),
  };
  refuseHidden(asked, [input, ...header, auth ?? '', body ?? '']);
  return asked;
}

function headerOf(text: string): readonly [string, string] {
  const [, name, value = ''] = /^\s*([^:\s]+)\s*:\s*(.*)$/s.exec(text) ?? [];
  if (name === undefined) throw new FatalError('header_invalid', 'expected a header as "Name: value"');
  return [name.toLowerCase(), value.trim()];
}

function authOf(text: string): Settings {
  const [, kind = '', rest = ''] = /^(bearer|basic)\s+(.+)$/is.exec(text.trim()) ?? [];
  if (/bearer/i.test(kind)) return { type: 'bearer', token: rest };
  if (/basic/i.test(kind)) {
    const [username = '', ...password] = rest.split(':');
    return { type: 'basic', username, password: password.join(':') };
  }
  const mapping = attempt(text);
  if (isMapping(mapping) && typeof mapping.type === 'string') return mapping;
  throw new FatalError(
    'auth_invalid',
    `expected --auth as "bearer TOKEN", "basic USER:PASSWORD", or a mapping such as "{ type: api-key, name: X-Api-Key, value: \${KEY} }" (docs/auth.md)`,
  );
}

function attempt(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}
