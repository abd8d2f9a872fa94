import type { ServerResponse } from 'node:http';

/** Milliseconds in which a client takes nothing of what it was sent. */
const UNREAD = 60_000;

/** A client that asks and does not read would keep a place, a file or a connection to Postgres for as long as it likes. */
export function cutWhenUnread(response: ServerResponse, patience = UNREAD): void {
  response.setTimeout(patience, () => response.destroy());
}

/**
 * Resolves when the client has taken the whole answer, or has gone. Until then the answer is in memory: without an end, and with a
 * place that is free again, clients that ask for large dead letters and read nothing filled the memory until the process died.
 * A stream goes on, and sees to that itself.
 */
export async function untilTaken(response: ServerResponse): Promise<void> {
  if (!response.writableEnded || response.writableFinished || response.destroyed) return;
  cutWhenUnread(response);
  await new Promise((resolve) => response.once('close', resolve));
}
