import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Bounds the connections of a server. Beyond the bound the one that has kept us waiting longest for a whole request gives way. If new ones
 * were refused instead, a stranger who opens so many, and sends nothing or half a request, would keep out all others: for as long as a
 * request may take, and then again. What is being answered is never cut; if all are, the new one is refused.
 */
export function boundConnections(server: Server, most: number): void {
  const open = new Set<Socket>();
  /** Those whose next request is not whole yet, the longest wait first. */
  const waiting = new Set<Socket>();
  /** Requests of a connection that are not answered yet: a client may send several at once. */
  const unanswered = new Map<Socket, number>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    waiting.add(socket);
    socket.once('close', () => {
      for (const known of [open, waiting, unanswered]) known.delete(socket);
    });
    if (open.size <= most) return;
    const [longest = socket] = waiting;
    longest.destroy();
    // Its own event comes later, and the next connection may be there before.
    open.delete(longest);
    waiting.delete(longest);
  });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    unanswered.set(socket, (unanswered.get(socket) ?? 0) + 1);
    // A body that is refused ends after its answer: from then on it is the next request that we wait for.
    if (hasBody(request)) request.once('end', () => unanswered.has(socket) && waiting.delete(socket));
    else waiting.delete(socket);
    response.once('close', () => {
      const left = (unanswered.get(socket) ?? 1) - 1;
      if (left > 0) unanswered.set(socket, left);
      else unanswered.delete(socket);
      if (left > 0 || !open.has(socket)) return;
      waiting.delete(socket);
      waiting.add(socket);
    });
  });
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
