import { compilePath, type Path, RetryableError, readerOf } from '@tributary/shared';
import { type Arrangement, arrangeRecords, asList } from './arrange.js';
import { errorFinder } from './error-in-body.js';
import type { FoundPage, RecordSettings } from './format.js';
import { nestedRecords } from './nested.js';

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
  const { items, as, header, within } = settings;
  const path = compilePath(items);
  const saysNothing = nothingFinder(path, isListed);
  const headerPath = typeof header === 'string' && header !== 'first' ? compilePath(header) : undefined;
  const errorIn = errorFinder(settings);
  const inner = within === undefined ? undefined : nestedRecords(within, { as, isListed });
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
    const told = errorIn.always(body);
    if (told !== undefined) fail(told);
    const found = path.read(body);
    // A body that is null says nothing at all; a null in it says that there is nothing.
    if (found === null && path.steps.length === 0) fail(new RetryableError('items_not_a_list', NULL_BODY));
    const usual = errorIn.usual(body);
    const isNothing = found === null || (found === undefined && (path.mayBeMissing || saysNothing(body)));
    if (isNothing) return pageOf(body, [], usual, fail);
    try {
      const listed = isListed && as === 'list' ? asList(found) : found;
      const records = arrangeRecords(listed, arrangementFor(body), items);
      return pageOf(body, inner?.(records) ?? records, usual, fail);
    } catch (error) {
      if (error instanceof RetryableError && error.cause === undefined) return fail(error);
      throw error;
    }
  };
}

const NULL_BODY = '$ should be a list of records and is null';

/** An answer without records that tells of an error has failed, though its status says otherwise; beside records it is told of. */
function pageOf(
  body: unknown,
  records: unknown[],
  told: RetryableError | undefined,
  fail: (error: RetryableError) => never,
): FoundPage {
  if (told === undefined) return { body, records };
  if (records.length === 0) {
    return fail(new RetryableError(told.code, `${told.message} (errorWhen says otherwise, if that is none)`));
  }
  return { body, records, doubts: [`${told.message}; its records are taken. If it is an error, set errorWhen`] };
}

/**
 * Whether something on the way to the records says that there are none: in `{"data": null}` nothing lies at `$.data.items`, and
 * in XML an element without content holds no others.
 */
function nothingFinder({ steps }: Path, isXml: boolean): (body: unknown) => boolean {
  const ways = steps.slice(1).map((_, index) => readerOf(steps.slice(0, index + 1)));
  return (body) =>
    ways.some((read) => {
      const found = read(body);
      return found === null || (isXml && found === '');
    });
}
