import { wanted } from '@tributary/shared';
import type { ZodType } from 'zod';
import { badRequest } from '../http/api-error.js';
import { COMPARISONS, type Condition, type RowQuery, type Selection, type Sort, type View } from './readers/port.js';

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 500;
const MAX_SEARCH = 200;
const MAX_CONDITIONS = 20;

/** A request's query as express parses it: text, or a list where a name is given twice. */
export type Query = Readonly<Record<string, unknown>>;

/** @throws ApiError (400) naming the parameter, what it holds and what was expected */
export function parseSelection(query: Query): Selection {
  const view = text(query, 'view') || 'latest';
  if (!isView(view)) throw badRequest(`view is "${view.slice(0, 40)}": expected latest or history`);
  const search = text(query, 'search');
  if (search.length > MAX_SEARCH) throw badRequest(`search is longer than ${MAX_SEARCH} characters`);
  return { view, search, where: parseConditions(query.where) };
}

/** `where=city:is:Berlin`, as often as there are filters. */
function parseConditions(given: unknown): Condition[] {
  const list = given === undefined || given === '' ? [] : Array.isArray(given) ? given : [given];
  if (list.length > MAX_CONDITIONS) throw badRequest(`where is given more than ${MAX_CONDITIONS} times`);
  return list.map((one) => {
    const [, column = '', comparison = '', value = ''] = /^(.+?):([a-z]+)(?::(.*))?$/su.exec(String(one)) ?? [];
    const is = COMPARISONS.find((known) => known === comparison);
    if (is === undefined || value.length > MAX_SEARCH) {
      const wanted = `expected COLUMN:COMPARISON:VALUE with one of ${COMPARISONS.join(', ')}`;
      throw badRequest(`where is "${String(one).slice(0, 80)}": ${wanted}`);
    }
    return { column, is, value };
  });
}

/** `sort=price`, or `sort=-price` for the largest first. */
function parseSort(given: string): Sort | undefined {
  if (given === '') return undefined;
  return given.startsWith('-') ? { column: given.slice(1), descending: true } : { column: given, descending: false };
}

/** @throws ApiError (400) as {@link parseSelection} */
export function parseRowQuery(query: Query): RowQuery {
  return {
    ...parseSelection(query),
    sort: parseSort(text(query, 'sort')),
    offset: wholeNumber(query, 'offset', 0, 0, Number.MAX_SAFE_INTEGER),
    limit: wholeNumber(query, 'limit', DEFAULT_LIMIT, 1, MAX_LIMIT),
  };
}

const isView = (text: string): text is View => text === 'latest' || text === 'history';

export function text(query: Query, name: string): string {
  const value = query[name] ?? '';
  if (typeof value !== 'string') throw badRequest(`${name} is given more than once`);
  return value;
}

export function wholeNumber(query: Query, name: string, fallback: number, least: number, most: number): number {
  const value = text(query, name);
  if (value === '') return fallback;
  const number = Number(value);
  if (!/^\d{1,16}$/.test(value) || number < least || number > most) {
    const upTo = most === Number.MAX_SAFE_INTEGER ? `${least} or more` : `${least} to ${most}`;
    throw badRequest(`${name} is "${value.slice(0, 40)}": expected a whole number, ${upTo}`);
  }
  return number;
}

/** @throws ApiError (400) naming the first thing that is wrong with a request's body */
export function readBody<T>(schema: ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body ?? {}, { error: wanted });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw badRequest(`${issue?.path.map(String).join('.') || 'the body'}: ${issue?.message ?? 'not valid'}`);
}
