import { isIP } from 'node:net';
import { FatalError } from '../errors.js';

/**
 * Who may read without a token. `local`: a client that names this machine in the Host header; a page of another site that
 * points its own name at 127.0.0.1 (DNS rebinding) does not. `open`: every client that can reach the port. `token`: none.
 */
export const READING = ['local', 'open', 'token'] as const;
export type Reading = (typeof READING)[number];

type Setting = string | undefined;

/**
 * Who may read, of the dashboard and of every other service alike.
 *
 * @param text DASHBOARD_READ
 * @param publishedOn the address that we listen on. In a container it is the address of the host on which the container's
 *   port is published, which we cannot see from inside. Other machines that reach it can send any Host header, so `local`
 *   would not keep them out: it becomes `token`.
 * @param token the token of those who may only read
 * @returns undefined if no setting says it
 * @throws FatalError for a text that is none of these
 */
export function readingOf(text: Setting, publishedOn: Setting, token: Setting): Reading | undefined {
  const beyond = Boolean(publishedOn) && !isLoopback(publishedOn ?? '');
  if (!text && publishedOn) return beyond || token ? 'token' : 'local';
  if (!text) return undefined;
  const found = READING.find((reading) => reading === text);
  if (found !== undefined) return found === 'local' && beyond ? 'token' : found;
  throw new FatalError('settings_invalid', `DASHBOARD_READ is "${text}": expected ${READING.join(', ')}`);
}

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '[::1]' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));

/** The name of a Host header, without its port; '' for what is no such header, such as `localhost:80@attacker.example`. */
export const hostName = (host: string | undefined): string =>
  /^(\[[\da-f:.%\w]+\]|[\w.-]+)(?::\d{1,5})?$/i.exec(host ?? '')?.[1]?.toLowerCase() ?? '';

/**
 * Whether a Host header names a machine by its address, or by a name without dots, as programs do within a network of
 * containers (`consumer:8082`). A page of another site cannot: its name has a dot, wherever it points.
 */
export function isNear(host: string): boolean {
  const name = hostName(host);
  return isLoopback(name) || isIP(name.replaceAll(/[[\]]/g, '')) !== 0 || /^[\w-]+$/.test(name);
}
