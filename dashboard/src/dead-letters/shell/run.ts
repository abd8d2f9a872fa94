import { FatalError, PoisonError } from '@tributary/shared';
import type { Actor } from '../../audit/audit.js';
import type { Acted } from '../act.js';
import type { DeadLetters, WholeLetter } from '../dead-letters.js';
import type { LetterPage, Listing } from '../listing.js';
import type { ShellArguments } from './arguments.js';

/** What the commands work with, and how they speak. */
export interface Shell {
  readonly deadLetters: DeadLetters;
  readonly listing: Listing;
  readonly actor: Actor;
  /** Reads the file with a mended record. */
  readonly readPayload: (file: string) => Promise<string>;
  readonly print: (text: string) => void;
  readonly signal: AbortSignal;
}

/** @throws FatalError if there is nothing of that id; PoisonError if a mended record is not valid */
export async function run(asked: ShellArguments, shell: Shell): Promise<void> {
  const { print } = shell;
  const tell = (found: unknown, words: string) => print(asked.json ? `${JSON.stringify(found)}\n` : words);
  switch (asked.command) {
    case 'list': {
      const page = await shell.listing.page(asked.match, { offset: 0, limit: asked.limit }, shell.signal);
      return tell(page, describeList(page));
    }
    case 'show': {
      const found = await find(asked, shell);
      return tell(found, describeLetter(found));
    }
    case 'replay': {
      const match = asked.match.id === undefined ? asked.match : { ...asked.match, queue: await queueOf(asked, shell) };
      const body = await mended(asked, shell);
      const acted = await shell.deadLetters.replay(match, shell.actor, shell.signal, body);
      return tell(acted, describeActed('replayed', acted));
    }
    case 'discard': {
      const acted = await shell.deadLetters.discard(asked.match, asked.reason, shell.actor, shell.signal);
      if (asked.match.id !== undefined && acted.done === 0) throw gone(asked.match.id);
      return tell(acted, describeActed('discarded', acted));
    }
  }
}

async function find({ match: { id = '' } }: ShellArguments, { listing, signal }: Shell): Promise<WholeLetter> {
  const found = await listing.find(id, signal);
  if (found === undefined) throw gone(id);
  return found;
}

const queueOf = async (asked: ShellArguments, shell: Shell): Promise<string> => (await find(asked, shell)).letter.queue;

async function mended(asked: ShellArguments, shell: Shell): Promise<string | undefined> {
  if (asked.payload === undefined) return undefined;
  const body = await shell.readPayload(asked.payload);
  const { letter } = await find(asked, shell);
  try {
    shell.deadLetters.validate(letter.entity, body);
  } catch (error) {
    if (!(error instanceof PoisonError)) throw error;
    throw new FatalError(error.code, `not sent: ${error.message}`);
  }
  return body;
}

const gone = (id: string) =>
  new FatalError('not_found', `no dead letter has the id "${id}": it was replayed or discarded`);

function describeList({ letters, total, complete, looked, queues }: LetterPage): string {
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

function describeLetter({ letter, body, headers }: WholeLetter): string {
  const facts = Object.entries(letter).filter(([name]) => name !== 'preview');
  const rest = Object.entries(headers).filter(([name]) => name.startsWith('x-') || name === 'traceparent');
  const lines = [...facts, ...rest].map(([name, value]) => {
    const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
    return `${name.padEnd(14)}${text}`;
  });
  return `${lines.join('\n')}\n\n${body}\n`;
}

function describeActed(done: string, acted: Acted): string {
  const rest = acted.complete ? '' : ' It was ended before it had looked at all: run it again.';
  return `${acted.done} ${done}, of ${acted.looked} looked at.${rest}\n`;
}
