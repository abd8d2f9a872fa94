import type { Issue } from '../issues.js';
import { SCALAR_TYPES } from '../kinds/field-types.js';
import { namedByOthers, nearest } from './nearest.js';
import { OTHER_KINDS } from './other-names.js';

/**
 * The kind, or one of a few words, that was probably meant by a value; undefined if none is near.
 * @param value what stands there
 */
export function meantKind(issue: Issue, value: unknown): string | undefined {
  if (typeof value !== 'string' || value === '') return undefined;
  const { path } = issue;
  const isType = isFieldType(path);
  const possible = isType ? [...Object.keys(SCALAR_TYPES), 'list'] : wordsOf(issue);
  if (possible.length === 0) return undefined;
  const [, word = '', mark = ''] = /^([^\s?]+)(\??)/.exec(value) ?? [];
  const table = OTHER_KINDS[isType ? 'fieldType' : choiceAt(path)];
  const [other] = table === undefined ? [] : namedByOthers(word, table);
  // A short word is near to too many others.
  const meant =
    other ??
    (word.length > 3 ? nearest(word, possible) : possible.find((one) => one.toLowerCase() === word.toLowerCase()));
  return meant === undefined || meant === value ? undefined : `${meant}${isType && meant !== 'list' ? mark : ''}`;
}

/** The words of which one is expected, also where a mapping may stand instead. */
const wordsOf = ({ values, options, errors = [] }: Issue): string[] =>
  [...(values ?? options ?? []), ...errors.flat().flatMap(wordsOf)].filter((word) => typeof word === 'string');

/** `fields: { name: text }`, also within the items of a list. */
const isFieldType = (path: readonly PropertyKey[]): boolean =>
  path[0] === 'entities' &&
  (['fields', 'items'].includes(String(path.at(-2))) ||
    (path.at(-1) === 'type' && ['fields', 'items'].includes(String(path.at(-3)))));

/** The setting that chooses: `paging` for `paging: x` as well as for `paging: { type: x }`. */
const choiceAt = (path: readonly PropertyKey[]): string => String(path.at(-1) === 'type' ? path.at(-2) : path.at(-1));
