import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import type { CopiedLetter } from '@tributary/dashboard';
import { jsonLine, writeBytes } from '@tributary/shared';

/** Looks at each dead letter, many at a time, until the signal. */
export type LookAtLetters = (
  visit: (copied: CopiedLetter, letter: { readonly id: string }) => Promise<void>,
  signal: AbortSignal,
) => Promise<void>;

/**
 * Lines of those letters that were not seen before. No more are held than a few: there may be millions, and who looks at them is quicker than a disk.
 * @param seen gets their ids
 */
export async function* linesOfLetters(look: LookAtLetters, seen: Set<string>): AsyncGenerator<Buffer, void, undefined> {
  const over = new AbortController();
  const lines = new PassThrough();
  let room: Promise<unknown> | undefined;
  const visit: Parameters<LookAtLetters>[0] = async ({ queue, properties, content }, { id }) => {
    if (seen.has(id)) return;
    seen.add(id);
    while (room !== undefined) await room;
    if (lines.write(jsonLine({ queue, properties, content: writeBytes(content) }))) return;
    room = once(lines, 'drain', { signal: over.signal }).then(() => {
      room = undefined;
    });
    room.catch(() => {});
  };
  const looking = look(visit, over.signal).then(
    () => void lines.end(),
    (error: unknown) => void lines.destroy(error instanceof Error ? error : new Error(String(error))),
  );
  try {
    yield* lines;
  } finally {
    over.abort();
    await looking;
  }
}
