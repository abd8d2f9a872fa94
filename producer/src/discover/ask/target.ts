import { FatalError } from '@tributary/shared';
import type { Settings } from '../guess.js';

/** The request that a person has: what is asked, before anything is known of the answer. */
export interface Target {
  /** Without a fragment. `${NAME}` in it is filled from the environment. */
  readonly url: string;
  readonly method: 'GET' | 'POST' | 'PUT';
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** What is sent, if something is: one of them. */
  readonly body?: unknown;
  readonly form?: Readonly<Record<string, string>> | undefined;
  readonly graphql?: Settings | undefined;
  /** As in the pipeline file. */
  readonly auth?: Settings | undefined;
}

const METHODS: readonly string[] = ['GET', 'POST', 'PUT'] satisfies Target['method'][];

/** @throws FatalError for a method that polls do not use */
export function methodOf(text: string): Target['method'] {
  const method = text.toUpperCase();
  if (METHODS.includes(method)) return method as Target['method'];
  throw new FatalError('method_unsuitable', `a poll is a GET, a POST or a PUT, not ${method}`);
}

/** Sent anyway, or of no use for a program: an `Accept-Encoding` of a browser would bring what cannot be unpacked. */
const NEEDLESS =
  /^(accept-encoding|accept-language|connection|content-length|host|user-agent|cache-control|pragma|dnt|origin|referer|priority|te|sec-.*|upgrade-insecure-requests|if-none-match|if-modified-since)$/;

/** The headers that make a difference. */
export function headersOf(headers: Readonly<Record<string, string>>): Record<string, string> {
  const kept = Object.entries(headers).filter(([name, value]) => {
    if (NEEDLESS.test(name)) return false;
    if (name === 'accept') return !/^(\*\/\*|application\/json)/.test(value);
    // Set by what is sent.
    return !(name === 'content-type' && /^(application\/json|application\/x-www-form-urlencoded)\b/.test(value));
  });
  return Object.fromEntries(kept);
}

/** What is sent, as the pipeline file has it. @param text as it is sent; @param type the content type, if it is given */
export function contentOf(text: string, type: string | undefined): Pick<Target, 'body' | 'form' | 'graphql'> {
  const parsed = parse(text);
  const isObject = typeof parsed === 'object' && parsed !== null;
  if (isObject && (type === undefined || /json|urlencoded/.test(type))) {
    if ('query' in parsed && typeof parsed.query === 'string' && /\{/.test(parsed.query)) {
      return { graphql: parsed as Settings };
    }
    return { body: parsed };
  }
  if (type === undefined || /urlencoded/.test(type)) return { form: Object.fromEntries(new URLSearchParams(text)) };
  return { body: text };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What a person gave, as a URL. @throws FatalError if it is none of HTTP */
export function urlOf(text: string): string {
  const whole =
    /^[a-z][a-z0-9+.-]*:\/\//i.test(text) || text.startsWith('${')
      ? text
      : `${isLocal(text) ? 'http' : 'https'}://${text}`;
  const filled = whole
    .replace(/^\$\{[^}]*?(?::-([^}]*))?\}/, (_all, usual?: string) => usual || 'http://x')
    .replaceAll(/\$\{[^}]*\}/g, 'x');
  if (!URL.canParse(filled) || !/^https?:$/.test(new URL(filled).protocol)) {
    throw new FatalError(
      'url_invalid',
      `expected an http or https URL, such as https://api.example.org/v1/orders, not ${text}`,
    );
  }
  return whole.replace(/#.*$/s, '');
}

const isLocal = (text: string): boolean => /^(localhost|127\.|\[::1\])/.test(text);
