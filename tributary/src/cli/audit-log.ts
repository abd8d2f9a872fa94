import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import {
  type AuditFindings,
  auditPlaceIn,
  auditPlaceText,
  type ChainFault,
  type ChainPlace,
  count,
  isWhole,
  variable,
  verifyAuditLog,
} from '@tributary/shared';
import { createCommand, createGroup, withEnvironment, withExamples } from './shell/command.js';
import { CommandFailed, type Context, EXIT } from './shell/context.js';

/** What people and the system did, and whether somebody has changed what is written of it. */
export function auditLogCommand(context: Context): CommandUnknownOpts {
  const about =
    'The audit log has a line for each step of what people, and the system with personal data, do. Each line names all lines before it by a hash.';
  const summary = 'whether the audit log is as it was written';
  return withEnvironment(createGroup(context, 'audit-log', summary, about, [verifyCommand(context)]), ['AUDIT_LOG']);
}

function verifyCommand(context: Context): CommandUnknownOpts {
  const about =
    'Finds lines that were changed, put in, moved or taken away since they were written, and lines that were cut off at the end. Whoever may ' +
    'write the file can make it all anew, with its hashes; note its end elsewhere, and ask for that place later: --expect.';
  const command = createCommand(context, 'verify', 'find lines that were changed, moved or taken away', about)
    .argument('[FILE]', 'the log; AUDIT_LOG unless given')
    .option('--expect <PLACE>', 'an end that was told at an earlier time, such as 120:9f86…: it must still be there')
    .option('--json', 'print JSON, for programs')
    .action(async (file, { expect, json }) => {
      const expected = expect === undefined ? undefined : auditPlaceIn(expect);
      if (expect !== undefined && expected === undefined)
        command.error('error: --expect is no place: expected a number, a colon and 64 hex digits', {
          exitCode: EXIT.usage,
        });
      await verify(context, file ?? variable(context.env, 'AUDIT_LOG'), expected, json === true);
    });
  return withExamples(context, command, [
    ['', 'the log that AUDIT_LOG names'],
    ['/backup/actions.jsonl --expect 120:9f86…', 'a copy, with a place that was noted'],
  ]);
}

async function verify({ terminal }: Context, file: string, expected: ChainPlace | undefined, json: boolean) {
  const found = await verifyAuditLog(file, expected);
  const ok = isWhole(found);
  if (json) terminal.write(`${JSON.stringify({ ok, ...found, place: auditPlaceText(found.place) }, undefined, 2)}\n`);
  else terminal.write(`${[`${file}: ${count(found.lines, 'line')}`, ...inWords(found, expected)].join('\n')}\n`);
  if (!ok) throw new CommandFailed('the audit log is not as it was written');
}

function inWords(found: AuditFindings, expected: ChainPlace | undefined): string[] {
  const { lines, older, without, torn, faults, hasExpected, place } = found;
  if (lines > 0 && older === lines && found.end === 'none') {
    return ['no line names another one: the log is from before there was a chain, and nothing can be found of it'];
  }
  const notes = [
    older > 0 &&
      `the first ${count(older, 'line')} are from before there was a chain: only changes since line ${older + 1} was written are found`,
    without > 0 &&
      `${count(without, 'line')} without a link: torn by a crash, or written by an older version; a later line holds them`,
    torn > 0 && `${count(torn, 'byte')} behind the last line: a line that a crash tore, or that is being written`,
    ...faults.map(faultInWords),
    ENDS[found.end](found),
    hasExpected === true && `line ${expected?.number} is as it was when that place was noted, and all before it`,
    hasExpected === false &&
      `the place that was expected is not there: lines up to ${expected?.number} were changed, or the log was made anew`,
    isWhole(found) && 'no line was changed, put in, moved or taken away',
    `the end, to be noted elsewhere: ${auditPlaceText(place)}`,
  ];
  return notes.filter((note) => note !== false && note !== '') as string[];
}

const ENDS: Readonly<Record<AuditFindings['end'], (found: AuditFindings) => string>> = {
  fits: () => '',
  none: () =>
    'beside the log there is no note of its end (its name and .head): lines cut off at the end, or changes to the last one, cannot be found',
  cut: ({ cut }) => `FAULT: at the end ${count(cut, 'line')} were cut off, as the note of the end says`,
  other: () => 'FAULT: the last lines are not those that the note of the end tells of',
};

function faultInWords({ from, to, missing }: ChainFault): string {
  const lines = from >= to ? `line ${to}` : `lines ${from} to ${to}`;
  if (missing === 0) return `FAULT: ${lines}: changed, put in or moved`;
  const gone = `${count(missing, 'line')} missing`;
  if (to < from) return `FAULT: before line ${to + 1}: ${gone}`;
  return `FAULT: behind ${from >= to ? lines : `one of ${lines}`}: ${gone}, or lines there were changed`;
}
