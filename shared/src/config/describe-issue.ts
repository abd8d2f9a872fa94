import { meantKind } from './hints/unknown-kind.js';
import { describeUnknown } from './hints/unknown-setting.js';
import { type Issue, RENAMED, valueAtPath } from './issues.js';

/**
 * An issue in words for people; one for each setting that does not exist.
 *
 * @param shown what stands there, as it may be shown; undefined if nothing does
 * @param file in which everything is filled in
 */
export function describeIssue(issue: Issue, shown: string | undefined, file: unknown): string[] {
  if (issue.code === 'unrecognized_keys') {
    return (issue.keys ?? []).map((name) => describeUnknown(issue.path, name, file));
  }
  return [describeValue(issue, shown, valueAtPath(file, issue.path))];
}

function describeValue(issue: Issue, shown: string | undefined, value: unknown): string {
  if (issue.code === RENAMED) return issue.message;
  if (issue.code === 'invalid_key') return nameFault(issue);
  if (shown === undefined) return issue.code === 'invalid_union' ? `missing: ${issue.message}` : 'missing';
  const meant = meantKind(issue, value);
  return `${shorten(shown)} is not valid: ${whatIsWanted(issue)}${meant === undefined ? '' : `; did you mean ${meant}?`}`;
}

/** What a union without words of its own expects: what its forms expect, and of these those that say more than a type, if any. */
function whatIsWanted({ message, errors = [] }: Issue): string {
  if (!message.startsWith('Invalid input')) return message;
  const alternatives = errors.flat().filter((one) => !one.message.startsWith('Invalid input'));
  const telling = alternatives.filter(({ code }) => code !== 'invalid_type');
  const wants = new Set((telling.length > 0 ? telling : alternatives).map((one) => one.message));
  return [...wants].join(' or ') || 'no such value is expected here';
}

/** A name that is not valid, such as that of an entity. */
function nameFault(issue: Issue): string {
  const [inner] = issue.issues ?? [];
  return `the name "${String(issue.path.at(-1))}" is not valid: ${inner?.message ?? issue.message}`;
}

const shorten = (text: string): string => (text.length > 120 ? `${text.slice(0, 117)}...` : text);
