import type { Acted } from '../act.js';
import type { WholeLetter } from '../letter.js';
import type { LetterPage } from '../listing.js';
import type { Fault } from '../verdict.js';

/** A list of dead letters as a person reads it. */
export function describeList({ letters, total, complete, looked, queues }: LetterPage): string {
  const all = queues.reduce((sum, queue) => sum + queue.letters, 0);
  const rest = complete ? '' : ` These are of the oldest ${looked} of ${all}; replay and discard mean all of them.`;
  if (total === 0) return complete ? 'No dead letters.\n' : `None of the oldest ${looked} of ${all} matches.\n`;
  const lines = letters.map(
    ({ id, deadAt, queue, key, code, reason }) =>
      `${id}  ${deadAt}  ${queue}  ${key ?? '(no key)'}  ${code}\n    ${reason}`,
  );
  const shown =
    letters.length < total ? `${letters.length} of ${total} shown; --limit shows more.` : `${total} in all.`;
  return `${lines.join('\n')}\n\n${shown}${rest}\n`;
}

export function describeLetter({ letter, body, headers }: WholeLetter): string {
  const facts = Object.entries(letter).filter(([name]) => name !== 'preview');
  const rest = Object.entries(headers).filter(([name]) => name.startsWith('x-') || name === 'traceparent');
  const all = [...facts, ...rest];
  const width = Math.max(...all.map(([name]) => name.length)) + 2;
  const lines = all.map(([name, value]) => {
    const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
    return `${name.padEnd(width)}${text}`;
  });
  return `${lines.join('\n')}\n\n${body}\n`;
}

/** What a replay of all that match would do, before it is done. */
export function describeProspect({ total, prospect, complete, looked }: LetterPage): string {
  const { passing, unknown, staying, faults } = prospect;
  const of = complete ? `${total}` : `the oldest ${looked}`;
  const kept = unknown === 0 ? '' : `, ${unknown} with a kept body will be looked at`;
  return `${passing} of ${of} would pass now and are replayed${kept}; ${staying} stay.\n${describeFaults(faults)}`;
}

/** @param done `replayed` or `discarded` */
export function describeActed(done: string, acted: Acted): string {
  const rest = acted.complete ? '' : ' The command was ended before it had looked at all of them: run it again.';
  const stayed = acted.stayed === 0 ? '' : `, ${acted.stayed} stay because they would come back`;
  return `${acted.done} ${done}${stayed}, of ${acted.looked} looked at.${rest}\n${describeFaults(acted.faults)}`;
}

const describeFaults = (faults: readonly Fault[]): string =>
  faults.map(({ count, code, message }) => `  ${count} × ${code}, such as: ${message}\n`).join('');
