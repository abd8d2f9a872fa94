import type { z } from 'zod';

const TYPES_IN_WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
  tuple: 'a list',
};

/**
 * What a setting should be, in words for a person, where the schema does not say it itself. The library's own messages
 * ("Invalid input: expected number, received string") are for programmers.
 */
export function wanted(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${TYPES_IN_WORDS[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `expected ${issue.values.length === 1 ? '' : 'one of '}${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return `expected ${atLeast(issue.origin, Number(issue.minimum), issue.inclusive !== false)}`;
    case 'too_big':
      return `expected ${atMost(issue.origin, Number(issue.maximum), issue.inclusive !== false)}`;
    default:
      return undefined;
  }
}

const atLeast = (origin: string, least: number, inclusive: boolean): string => {
  if (origin === 'string') return least === 1 ? 'some text' : `${least} or more characters`;
  if (origin === 'array') return `a list of ${least}`;
  return inclusive ? `${least} or more` : `more than ${least}`;
};

const atMost = (origin: string, most: number, inclusive: boolean): string => {
  if (origin === 'string') return `at most ${most} characters`;
  if (origin === 'array') return `a list of ${most}`;
  return inclusive ? `at most ${most}` : `less than ${most}`;
};
