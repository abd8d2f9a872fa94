import type { LetterMatch } from '../letter.js';

export const DEAD_LETTER_COMMANDS = ['list', 'show', 'replay', 'discard'] as const;
export type DeadLetterCommand = (typeof DEAD_LETTER_COMMANDS)[number];

/** What a person asks of the dead letters from the shell. */
export interface DeadLetterRequest {
  readonly command: DeadLetterCommand;
  /** The id, or the criteria that the letters must meet. */
  readonly match: LetterMatch;
  /** How many letters `list` shows at most. */
  readonly limit: number;
  /** Act on all letters that match, where no id is given. */
  readonly all: boolean;
  /** Why letters are discarded, for the audit log. */
  readonly reason: string;
  /** Keep nothing of what the discarded letters held. */
  readonly forget?: boolean | undefined;
  /** The file that holds the mended record; `-` is stdin. */
  readonly payload: string | undefined;
  /** Write JSON instead of words. */
  readonly json: boolean;
}

/** @throws Error that says which options are missing, or do not go together */
export function checkDeadLetterRequest({
  command,
  match,
  all,
  reason,
  payload,
  limit,
  forget,
}: DeadLetterRequest): void {
  if (!Number.isInteger(limit) || limit < 1) throw new Error(`--limit is ${limit}: expected a whole number, 1 or more`);
  for (const [name, value] of Object.entries(match)) {
    // A variable of a shell that is not set: it would mean all letters.
    if (value !== undefined && value.trim() === '')
      throw new Error(name === 'id' ? 'the id is empty' : `--${name} is empty: leave it out, or name one`);
  }
  if (command === 'list') return;
  const { id } = match;
  if (command === 'show' && id === undefined) throw new Error('show which one? Give the id that list shows');
  if (command !== 'show' && id === undefined && !all) throw new Error(`${command} which one? Give an id, or --all`);
  if (id !== undefined && all) throw new Error('give an id or --all, not both');
  if (command === 'discard' && reason.trim().length < 3) throw new Error('discard needs --reason, for the audit log');
  if (forget && command !== 'discard') throw new Error('--forget goes with discard');
  if (payload !== undefined && (command !== 'replay' || id === undefined)) {
    throw new Error('--payload goes with replay ID');
  }
}
