import type { ServerResponse } from 'node:http';

/**
 * Resolves when the client has taken the whole answer, or has gone: the server cuts one that takes nothing. Until then the answer is in
 * memory: with a place that is free again, clients that ask for large dead letters and read nothing filled the memory until the process died.
 * A stream goes on.
 */
export async function untilTaken(response: ServerResponse): Promise<void> {
  if (!response.writableEnded || response.writableFinished || response.destroyed) return;
  await new Promise((resolve) => response.once('close', resolve));
}
