import type { Response } from 'express';

/** Aborts when the client goes away, so that a search nobody waits for ends. */
export function whileConnected(response: Response): AbortSignal {
  const controller = new AbortController();
  response.on('close', () => controller.abort());
  return controller.signal;
}
