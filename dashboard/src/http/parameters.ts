import { wanted } from '@tributary/shared';
import type { Request } from 'express';
import { z } from 'zod';
import { badRequest, notFound } from './api-error.js';

/** The parameters of an operation's path or query, by name. */
export type Parameters = Readonly<Record<string, z.ZodType>>;

/** The values that parameters are read as. */
export type ValuesOf<P extends Parameters> = { readonly [Name in keyof P]: z.output<P[Name]> };

/** A whole number in a query, such as `limit`. */
export function wholeNumber(least: number, most: number, fallback: number) {
  const error = `expected a whole number, ${most === Number.MAX_SAFE_INTEGER ? `${least} or more` : `${least} to ${most}`}`;
  // Digits alone: Number() would take "1e3", "0x10" and " 5 " as well.
  const read = (value: unknown) => (typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value);
  return z.preprocess(read, z.int({ error }).min(least, error).max(most, error).default(fallback));
}

/** A parameter that may be given several times in one query. */
export function repeated<Item extends z.ZodType>(item: Item, most: number) {
  const read = (value: unknown) => (value === undefined ? [] : Array.isArray(value) ? value : [value]);
  return z.preprocess(read, z.array(item).max(most, `is given more than ${most} times`));
}

/** Characters of a wrong value that an error repeats. */
const SHOWN = 80;

/** @throws ApiError (400) naming the first parameter that is wrong, what it holds and what was expected */
export function readQuery<P extends Parameters>(
  parameters: P,
  { query, originalUrl }: Pick<Request, 'query' | 'originalUrl'>,
): ValuesOf<P> {
  if (!isUtf8(originalUrl)) throw badRequest('the query is not UTF-8, percent-encoded');
  // `?search=` asks for the same as no search at all.
  const given = Object.fromEntries(Object.entries(query).filter(([, value]) => value !== ''));
  for (const [name, value] of Object.entries(given)) {
    // Postgres text cannot hold it.
    if ([value, name].flat().some((text) => String(text).includes('\0'))) {
      throw badRequest(`${shown(name)} holds a NUL character`);
    }
    // A name that is misspelled would be a filter that does not filter.
    if (Object.hasOwn(parameters, name)) continue;
    const names = Object.keys(parameters);
    const known = names.length === 0 ? 'there are none here' : `those here are ${names.join(', ')}`;
    throw badRequest(`there is no parameter "${shown(name)}": ${known}`);
  }
  const parsed = z.object(parameters).safeParse(given, { error: wanted });
  if (parsed.success) return parsed.data as ValuesOf<P>;
  throw badRequest(describeIssue(parsed.error.issues[0], given));
}

/** The parser of queries puts a replacement character for bytes that are no UTF-8, and so looks for another text. */
function isUtf8(url: string): boolean {
  try {
    decodeURIComponent(url.slice(url.indexOf('?') + 1));
    return true;
  } catch {
    return !url.includes('?');
  }
}

const shown = (text: string): string => text.slice(0, SHOWN).replaceAll('\0', '');

function describeIssue(issue: z.core.$ZodIssue | undefined, given: Readonly<Record<string, unknown>>): string {
  const [name = '', index] = (issue?.path ?? []).map(String);
  const { code, message = 'is not valid' } = issue ?? {};
  const whole = given[name];
  if (Array.isArray(whole) && index === undefined && code !== 'too_big') return `${name} is given more than once`;
  const value = Array.isArray(whole) ? whole[Number(index)] : whole;
  if (!message.startsWith('expected')) return `${name} ${message}`;
  return `${name} is "${String(value ?? '').slice(0, SHOWN)}": ${message}`;
}

/** @throws ApiError (404) with the parameter's own words: a path with a wrong parameter leads nowhere */
export function readParams<P extends Parameters>(parameters: P, params: Request['params']): ValuesOf<P> {
  const parsed = z.object(parameters).safeParse(params);
  if (parsed.success) return parsed.data as ValuesOf<P>;
  throw notFound(parsed.error.issues[0]?.message ?? 'there is nothing at this path');
}

/** @throws ApiError (400) naming the first thing that is wrong with a request's body */
export function readBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body ?? {}, { error: wanted });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw badRequest(`${issue?.path.map(String).join('.') || 'the body'}: ${issue?.message ?? 'not valid'}`);
}
