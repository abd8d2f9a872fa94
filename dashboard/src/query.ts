import { badRequest } from './api-error.js';
import type { RowQuery, Selection, View } from './readers/port.js';

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 500;
const MAX_SEARCH = 200;

/** A request's query as express parses it: text, or a list where a name is given twice. */
type Query = Readonly<Record<string, unknown>>;

/** @throws ApiError (400) naming the parameter, what it holds and what was expected */
export function parseSelection(query: Query): Selection {
  const view = text(query, 'view') || 'latest';
  if (!isView(view)) throw badRequest(`view is "${view.slice(0, 40)}": expected latest or history`);
  const search = text(query, 'search');
  if (search.length > MAX_SEARCH) throw badRequest(`search is longer than ${MAX_SEARCH} characters`);
  return { view, search };
}

/** @throws ApiError (400) as {@link parseSelection} */
export function parseRowQuery(query: Query): RowQuery {
  return {
    ...parseSelection(query),
    offset: wholeNumber(query, 'offset', 0, 0, Number.MAX_SAFE_INTEGER),
    limit: wholeNumber(query, 'limit', DEFAULT_LIMIT, 1, MAX_LIMIT),
  };
}

const isView = (text: string): text is View => text === 'latest' || text === 'history';

function text(query: Query, name: string): string {
  const value = query[name] ?? '';
  if (typeof value !== 'string') throw badRequest(`${name} is given more than once`);
  return value;
}

function wholeNumber(query: Query, name: string, fallback: number, least: number, most: number): number {
  const value = text(query, name);
  if (value === '') return fallback;
  const number = Number(value);
  if (!/^\d{1,16}$/.test(value) || number < least || number > most) {
    const upTo = most === Number.MAX_SAFE_INTEGER ? `${least} or more` : `${least} to ${most}`;
    throw badRequest(`${name} is "${value.slice(0, 40)}": expected a whole number, ${upTo}`);
  }
  return number;
}
