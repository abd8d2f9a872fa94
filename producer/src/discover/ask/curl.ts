import { FatalError } from '@tributary/shared';
import type { Settings } from '../guess.js';
import { contentOf, headersOf, methodOf, type Target, urlOf } from './target.js';
import { wordsOf } from './words.js';

/** Options of curl that take a value, by what it is to us; curl has many more, which do not change what is asked. */
const WITH_VALUE: Readonly<Record<string, string>> = {
  '-X': 'method',
  '--request': 'method',
  '-H': 'header',
  '--header': 'header',
  '--url': 'url',
  '-d': 'data',
  '--data': 'data',
  '--data-ascii': 'data',
  '--data-raw': 'raw',
  '--data-binary': 'binary',
  '--data-urlencode': 'encoded',
  '--url-query': 'query',
  '--json': 'json',
  '-u': 'user',
  '--user': 'user',
  '-b': 'cookie',
  '--cookie': 'cookie',
  '--oauth2-bearer': 'bearer',
  '-A': 'ignored',
  '--user-agent': 'ignored',
  '-e': 'ignored',
  '--referer': 'ignored',
  '-o': 'ignored',
  '--output': 'ignored',
  '-m': 'ignored',
  '--max-time': 'ignored',
  '--connect-timeout': 'ignored',
  '--retry': 'ignored',
  '-w': 'ignored',
  '--write-out': 'ignored',
  '-c': 'ignored',
  '--cookie-jar': 'ignored',
  '--max-redirs': 'ignored',
  '-D': 'ignored',
  '--dump-header': 'ignored',
  '--ciphers': 'ignored',
  '-F': 'refused',
  '--form': 'refused',
  '--form-string': 'refused',
  '-T': 'refused',
  '--upload-file': 'refused',
  '-x': 'proxy',
  '--proxy': 'proxy',
  '-E': 'certificate',
  '--cert': 'certificate',
  '--key': 'certificate',
  '--cacert': 'certificate',
};

interface Parts {
  method?: string;
  url?: string;
  user?: string;
  bearer?: string;
  isGet: boolean;
  isJson: boolean;
  readonly headers: Record<string, string>;
  readonly data: string[];
  readonly query: string[];
}

export const isCurl = (text: string): boolean => /^\s*(\$\s+)?curl(\.exe)?\s/.test(text);

/**
 * What a `curl` line asks for.
 * @throws FatalError if it names no URL, or sends what a poll cannot send
 */
export function parseCurl(line: string): Target {
  const parts: Parts = { isGet: false, isJson: false, headers: {}, data: [], query: [] };
  const words = wordsOf(line.replace(/^\s*\$\s+/, '')).slice(1);
  for (let word = words.shift(); word !== undefined; word = words.shift()) takeWord(word, words, parts);
  if (parts.url === undefined) throw new FatalError('curl_invalid', 'this curl line names no URL');
  return targetOf(parts, urlOf(parts.url));
}

function takeWord(word: string, rest: string[], parts: Parts): void {
  if (!word.startsWith('-') || word === '-') {
    // Of what stands behind a pipe or a semicolon nothing belongs to curl.
    if (/^[|;&>]/.test(word)) rest.length = 0;
    else parts.url ??= word;
    return;
  }
  const [long = '', joined] = word.startsWith('--')
    ? [word.split('=')[0] ?? '', word.split('=').slice(1).join('=') || undefined]
    : ['', undefined];
  if (word.startsWith('--')) {
    if (long === '--get') parts.isGet = true;
    if (long === '--head') parts.method = 'HEAD';
    const what = WITH_VALUE[long];
    if (what !== undefined) takeValue(what, joined ?? rest.shift() ?? '', long, parts);
    return;
  }
  // -sSG, and -XPOST: letters without a value may stand before one that has one, which takes what is behind it.
  for (let at = 1; at < word.length; at++) {
    const short = `-${word[at]}`;
    if (short === '-G') parts.isGet = true;
    if (short === '-I') parts.method = 'HEAD';
    const what = WITH_VALUE[short];
    if (what === undefined) continue;
    takeValue(what, word.slice(at + 1) || (rest.shift() ?? ''), short, parts);
    return;
  }
}

const TAKE: Readonly<Record<string, (value: string, parts: Parts, option: string) => void>> = {
  method: (value, parts) => {
    parts.method = value;
  },
  url: (value, parts) => {
    parts.url ??= value;
  },
  user: (value, parts) => {
    parts.user = value;
  },
  bearer: (value, parts) => {
    parts.bearer = value;
  },
  cookie: (value, parts, option) => {
    if (!value.includes('=')) refuseFile(value, option);
    parts.headers.cookie = value;
  },
  binary(value, parts, option) {
    if (value.startsWith('@')) refuseFile(value, option);
    parts.data.push(value);
  },
  raw: (value, parts) => {
    parts.data.push(value);
  },
  query: (value, parts, option) => {
    parts.query.push(encoded(value, option));
  },
  encoded: (value, parts, option) => {
    parts.data.push(encoded(value, option));
  },
  header(value, parts, option) {
    if (value.startsWith('@')) refuseFile(value, option);
    const [, name = '', content = ''] = /^\s*([^:;]+)\s*[:;]\s*(.*)$/s.exec(value) ?? [];
    if (name !== '') parts.headers[name.trim().toLowerCase()] = content.trim();
  },
  data(value, parts, option) {
    if (value.startsWith('@')) refuseFile(value, option);
    parts.data.push(value.replaceAll(/[\r\n]/g, (found) => (/^\s*[[{]/.test(value) ? found : '')));
  },
  json(value, parts, option) {
    if (value.startsWith('@')) refuseFile(value, option);
    parts.isJson = true;
    parts.data.push(value);
  },
  refused(_value, _parts, option) {
    throw new FatalError('curl_unsuitable', `${option} uploads a file, which no poll does`);
  },
};

function takeValue(what: string, value: string, option: string, parts: Parts): void {
  TAKE[what]?.(value, parts, option);
}

/** @throws FatalError where curl would read a file: a line may come from a stranger, and what it holds is not sent by its name either */
function refuseFile(value: string, option: string): never {
  throw new FatalError('curl_unsuitable', `${option} ${value} reads a file; put what it holds into the line`);
}

/** `name=value`, `=value` and `value`, with the value encoded (curl's manual, --data-urlencode). @throws FatalError for `name@file` */
function encoded(text: string, option: string): string {
  const at = text.indexOf('=');
  if (at < 0 && text.includes('@')) refuseFile(text, option);
  if (at < 0) return encodeURIComponent(text);
  const name = text.slice(0, at);
  return `${name === '' ? '' : `${name}=`}${encodeURIComponent(text.slice(at + 1))}`;
}

function targetOf(parts: Parts, url: string): Target {
  const { headers, isJson, isGet, user, bearer, data } = parts;
  const query = [...parts.query, ...(isGet ? data : [])];
  const sent = isGet || data.length === 0 ? undefined : data.join(isJson ? '' : '&');
  const content = sent === undefined ? {} : contentOf(sent, isJson ? 'application/json' : headers['content-type']);
  return {
    url: query.length === 0 ? url : `${url}${url.includes('?') ? '&' : '?'}${query.join('&')}`,
    method: methodOf(parts.method ?? (sent === undefined ? 'GET' : 'POST')),
    headers: headersOf(headers),
    ...content,
    ...authOf(user, bearer),
  };
}

function authOf(user: string | undefined, bearer: string | undefined): { readonly auth?: Settings } {
  if (bearer !== undefined) return { auth: { type: 'bearer', token: bearer } };
  if (user === undefined) return {};
  const [username = '', ...password] = user.split(':');
  return { auth: { type: 'basic', username, password: password.join(':') } };
}
