import type { Request, Response } from 'express';

/** Milliseconds between two looks, and bytes that a reader takes meanwhile: 25 KB a second. */
const LOOK = 5_000;
const LEAST = 128 * 1024;

/**
 * Cuts an answer whose reader takes hardly anything of it while others wait for its place: some bytes now and then would hold a place for days.
 * An answer that is still being made is not cut.
 *
 * @param othersWait whether somebody else could begin
 * @returns ends the looks
 */
export function cutSlowReader({ socket }: Request, response: Response, othersWait: () => boolean): () => void {
  const takenNow = () => socket.bytesWritten - socket.writableLength;
  let before = takenNow();
  let wasFull = false;
  const looking = setInterval(() => {
    const taken = takenNow();
    const isFull = socket.writableLength > 0;
    if (wasFull && isFull && taken - before < LEAST && othersWait()) response.destroy();
    before = taken;
    wasFull = isFull;
  }, LOOK);
  looking.unref();
  return () => clearInterval(looking);
}
