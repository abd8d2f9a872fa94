import type { RequestListener } from 'node:http';
import type { Socket } from 'node:net';

/** Requests that may wait behind others of their connection. Browsers and proxies send the next one when they have the answer. */
const MOST = 100;

/**
 * Lets a request begin when all those before it on its connection are answered. What is made for one that waits behind a live stream
 * could be sent to no client, and nothing tells of its end when the connection closes: two clients held all downloads and searches
 * of a dashboard until it was started again. It would fill the memory too: thousands of requests come in one read.
 */
export function inOrder(handle: RequestListener): RequestListener {
  const waiting = new WeakMap<Socket, number>();
  return (request, response) => {
    if (response.socket !== null) return handle(request, response);
    const { socket } = request;
    const before = waiting.get(socket) ?? 0;
    if (before >= MOST) return void socket.destroy();
    waiting.set(socket, before + 1);
    response.once('socket', () => {
      waiting.set(socket, (waiting.get(socket) ?? 1) - 1);
      if (!socket.destroyed) handle(request, response);
    });
  };
}
