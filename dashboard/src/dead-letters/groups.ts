import type { ListedLetter } from './letter.js';

/** Letters that died of one cause: of one queue, with the same code, endpoint and field. */
export interface LetterGroup {
  readonly queue: string;
  readonly entity: string;
  readonly endpoint: string;
  readonly code: string;
  readonly field: string | null;
  readonly letters: number;
  /** Those that the consumer would take now. */
  readonly passing: number;
  /** Those whose body is kept with the output: they are judged when they are replayed. */
  readonly unknown: number;
  /** The newest of them, as a list has it. */
  readonly example: ListedLetter;
}

/** Groups that are told; the largest first. A pipeline with more causes than this has one cause, which is not in the records. */
export const MOST_GROUPS = 100;

/** @param letters the newest first */
export function groupsOf(letters: readonly ListedLetter[]): LetterGroup[] {
  const groups = new Map<string, LetterGroup>();
  for (const letter of letters) {
    const { queue, entity, endpoint, code, field, now } = letter;
    const name = JSON.stringify([queue, endpoint, code, field]);
    const group = groups.get(name) ?? {
      queue,
      entity,
      endpoint,
      code,
      field,
      letters: 0,
      passing: 0,
      unknown: 0,
      example: letter,
    };
    groups.set(name, {
      ...group,
      letters: group.letters + 1,
      passing: group.passing + (now.passes === true ? 1 : 0),
      unknown: group.unknown + (now.passes === null ? 1 : 0),
    });
  }
  return [...groups.values()].sort((a, b) => b.letters - a.letters);
}
