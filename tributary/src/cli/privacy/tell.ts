import { count } from '@tributary/shared';
import { checklistOf } from '../../privacy/safe-harbor.js';
import type { Found, Scanned } from '../../privacy/scan.js';

/** What was found, for a person. */
export function tellScan(all: readonly Scanned[]): string {
  const parts = all.map(ofOne);
  const list = checklistOf(all).map(({ number, words, columns }) => {
    const told = columns.length === 0 ? 'nothing found' : columns.join(', ');
    return `${String(number).padStart(3)}  ${words}: ${told}`;
  });
  return [
    ...parts,
    'The 18 identifiers of HIPAA Safe Harbor (45 CFR 164.514(b)(2)); nothing found does not mean that nothing is there:',
    ...list,
    '',
  ].join('\n');
}

function ofOne({ name, of, records, columns, left, found }: Scanned): string {
  const head = `${of} ${name}: ${count(records, of === 'dataset' ? 'row' : 'record')}, ${count(columns, 'column')}, ${found.length} likely of people`;
  const more =
    left === 0
      ? []
      : [`  (${count(left, 'value')} were not looked at: there are more than 500 columns, or more than 100 MB)`];
  return [head, ...more, ...found.map(lineOf), ''].join('\n');
}

function lineOf({ column, words, confidence, because, examples, advice, line, isProtected }: Found): string {
  const shown = examples.length === 0 ? '' : `; such as ${examples.join(', ')}`;
  const what = `  ${column}: ${words} (${Math.round(confidence * 100)} %: ${because}${shown})`;
  if (isProtected) return `${what}\n      protected`;
  return line === null ? `${what}\n      ${advice}` : `${what}\n      ${line}    # ${advice}`;
}
