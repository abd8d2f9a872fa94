import { compilePath, RetryableError, stringifyJson } from '@tributary/shared';
import { compileCondition } from '../condition.js';
import { type Arrangement, arrangeRecords } from './arrange.js';
import type { FoundPage, RecordSettings } from './format.js';

/** How an answer is named in an error. */
export interface Shown {
  readonly status: number;
  /** What its body begins with. */
  excerpt(): string;
}

/**
 * Finds the records in a body that was parsed, as the settings say where and how they lie.
 *
 * @param isListed whether one element alone stands for a list of one, as in XML
 */
export function recordFinder(settings: RecordSettings, isListed = false): (body: unknown, shown: Shown) => FoundPage {
  const { items, as, header } = settings;
  const path = compilePath(items);
  const headerPath = typeof header === 'string' && header !== 'first' ? compilePath(header) : undefined;
  const errorIn = errorFinder(settings);
  const arrangementFor = (body: unknown): Arrangement => {
    if (as !== 'rows') return { as };
    const names = headerPath === undefined ? header : headerPath.read(body);
    return { as, header: names === 'first' || Array.isArray(names) ? names : [] };
  };
  return (body, shown) => {
    const fail = (error: RetryableError): never => {
      const message = `answered ${shown.status}, but ${error.message}${shown.excerpt()}`;
      throw new RetryableError(error.code, message, { cause: error });
    };
    const told = errorIn(body, false);
    if (told !== undefined) fail(told);
    const found = path.read(body);
    // A body that is null says nothing at all; a null in it says that there is nothing.
    if (found === null && path.steps.length === 0) fail(new RetryableError('items_not_a_list', NULL_BODY));
    const isNothing = found === null;
    if (isNothing || (found === undefined && path.mayBeMissing))
      return { body, records: records([], errorIn(body, true), fail) };
    try {
      const listed = isListed && as === 'list' ? asList(found) : found;
      return { body, records: records(arrangeRecords(listed, arrangementFor(body), items), errorIn(body, true), fail) };
    } catch (error) {
      if (error instanceof RetryableError && error.cause === undefined) return fail(error);
      throw error;
    }
  };
}

const NULL_BODY = '$ should be a list of records and is null';

/** An answer without records that tells of an error has failed, though its status says otherwise. */
function records(
  found: unknown[],
  told: RetryableError | undefined,
  fail: (error: RetryableError) => never,
): unknown[] {
  return found.length === 0 && told !== undefined ? fail(told) : found;
}

/** In XML an element without content is empty text, and one alone is no list. */
const asList = (found: unknown): unknown => {
  if (found === '' || found === null) return [];
  return Array.isArray(found) || found === undefined ? found : [found];
};

/** @returns finds the error that a body tells of; `isEmpty` asks for what counts only where there are no records */
function errorFinder({
  errorWhen,
  graphql,
}: RecordSettings): (body: unknown, isEmpty: boolean) => RetryableError | undefined {
  const chosen = errorWhen ?? (graphql === undefined ? undefined : '$.errors');
  if (chosen === false) return () => undefined;
  if (chosen !== undefined) {
    const holds = compileCondition(chosen);
    const read = chosen.startsWith('$') ? compilePath(chosen).read : (body: unknown) => body;
    return (body, isEmpty) => (isEmpty || !holds(body) ? undefined : errorTold(chosen, read(body)));
  }
  const usual = ['$.error', '$.errors'].map((text) => ({
    text,
    holds: compileCondition(text),
    read: compilePath(text).read,
  }));
  return (body, isEmpty) => {
    const found = isEmpty ? usual.find(({ holds }) => holds(body)) : undefined;
    return found === undefined ? undefined : errorTold(found.text, found.read(body));
  };
}

function errorTold(path: string, value: unknown): RetryableError {
  const said = typeof value === 'string' ? value : (stringifyJson(value) ?? '');
  return new RetryableError('error_in_body', `its body tells of an error at ${path}: ${said.slice(0, 200)}`);
}
