import { createHash, timingSafeEqual } from 'node:crypto';
import type { ServiceEnvironment } from '../config/environment.js';
import { FatalError } from '../errors.js';
import type { Rate } from './buckets.js';

/** Characters. A shorter token can be guessed, also with rate limits. */
const SHORTEST = 12;

/** How often one address may show a token that is wrong: enough for a person who mistypes, and too few to guess a token. */
export const WRONG_TOKENS: Rate = { burst: 10, perSecond: 0.2 };

/** What an address is told that has shown too many. */
export const TOO_MANY_WRONG =
  'too many wrong tokens from this address, so none is taken that is shorter than 22 characters or has few different ones';

/** Characters of a token that nobody guesses, at whatever rate: 128 bits in base64. */
const STRONG = 22;
/** Different characters in it: a random token has more, a word that is repeated fewer. */
const DIFFERENT = 10;

/**
 * Whether a token is taken from an address however many wrong ones came from there: else any program of a machine could lock out all
 * others by ten wrong tokens. The limit on wrong tokens is for those that can be guessed; if they were taken at that time, it would be
 * none, for each answer tells whether a guess was right.
 */
export const isStrong = (token: string): boolean => token.length >= STRONG && new Set(token).size >= DIFFERENT;

/**
 * @param name the variable that holds the token
 * @throws FatalError for a token that can be guessed; it is not shown
 */
export function checkToken(name: string, token: string): void {
  if (token.length >= SHORTEST) return;
  const remedy = 'set a random one, such as openssl rand -base64 24 prints';
  throw new FatalError('token_too_short', `${name}: a token has at least ${SHORTEST} characters; ${remedy}`);
}

/**
 * The token that a variable holds; undefined if it holds none.
 * @throws FatalError for one that can be guessed, or that is both that of readers and that of commands
 */
export function readToken(env: ServiceEnvironment, name: 'ADMIN_TOKEN' | 'READ_TOKEN'): string | undefined {
  const token = env[name] || undefined;
  if (token === undefined) return undefined;
  checkToken(name, token);
  if (env.ADMIN_TOKEN === env.READ_TOKEN) {
    const remedy = 'give each a token of its own: every program that may read could reset endpoints and send records';
    throw new FatalError('token_twice', `ADMIN_TOKEN and READ_TOKEN are the same; ${remedy}`);
  }
  return token;
}

export const digestOf = (token: string): Buffer => createHash('sha256').update(token).digest();

/** Compares in constant time, so that the time of an answer says nothing about the token. Digests have equal lengths. */
export const isSameToken = (given: string, wanted: string): boolean =>
  timingSafeEqual(digestOf(given), digestOf(wanted));

/** The token of an `Authorization: Bearer` header; undefined if there is none. */
export const bearerOf = (header: string | undefined): string | undefined => /^Bearer +(.+)$/i.exec(header ?? '')?.[1];
