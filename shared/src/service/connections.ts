import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** What one server allows its clients. */
export interface ConnectionBounds {
  /** How many may be open. */
  readonly most: number;
  /** Milliseconds in which a client may take nothing of what it was sent. */
  readonly unread: number;
  /** Bytes of answers that are whole and that clients have not taken, of all together. */
  readonly untaken: number;
}

/**
 * Bounds the connections of a server. If new ones beyond the bound were refused, strangers who open so many, and send half a request or
 * read no answer, would keep out all others for as long as they like. So one gives way, the longest of the first kind that there is:
 * those whose next request is not whole yet; those who have not taken the answer that was made; those who have sent further requests before
 * they had the answer, which no browser and no proxy does. Otherwise what is being answered is never cut, and the new one is refused.
 *
 * A client that takes nothing of its answer for long is cut, however few there are: the answer is in memory until it is taken. Where all of
 * these are too many bytes, the ones that wait longest are cut at once.
 */
export function boundConnections(server: Server, { most, unread, untaken: mostBytes }: ConnectionBounds): void {
  const open = new Set<Socket>();
  /** Those whose next request is not whole yet. */
  const waiting = new Set<Socket>();
  /** Those who have not taken all of an answer that is whole. */
  const untaken = new Set<Socket>();
  /** Those who have sent a request behind one that is not answered yet. */
  const ahead = new Set<Socket>();
  /** How many requests of a connection are not answered yet, and the last of them. */
  const unanswered = new Map<Socket, { readonly count: number; readonly last: IncomingMessage }>();
  // A set keeps the order in which they came: the longest is the first.
  const givingWay = () => [waiting, untaken, ahead].flatMap(([longest]) => longest ?? [])[0];
  const forget = (socket: Socket) => {
    for (const known of [open, waiting, untaken, ahead]) known.delete(socket);
  };
  const boundUntaken = (newest: Socket) => {
    let bytes = 0;
    for (const socket of untaken) bytes += socket.writableLength;
    for (const longest of untaken) {
      if (bytes <= mostBytes || longest === newest) return;
      bytes -= longest.writableLength;
      longest.destroy();
      forget(longest);
    }
  };
  server.on('connection', (socket: Socket) => {
    if (open.size >= most) {
      const longest = givingWay();
      if (longest === undefined) return void socket.destroy();
      longest.destroy();
      // Its own event comes later, and the next connection may be there before.
      forget(longest);
    }
    open.add(socket);
    waiting.add(socket);
    socket.once('close', () => {
      forget(socket);
      unanswered.delete(socket);
    });
  });
  server.timeout = unread;
  server.on('timeout', (socket: Socket) => {
    // What is still being made may take longer.
    if (!unanswered.has(socket) || socket.writableLength > 0) socket.destroy();
  });
  // Before the application, which may have answered when it returns.
  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    const before = unanswered.get(socket)?.count ?? 0;
    unanswered.set(socket, { count: before + 1, last: request });
    if (before > 0) ahead.add(socket);
    // A body that is refused ends after its answer: from then on it is the next request that we wait for.
    if (hasBody(request)) request.once('end', () => unanswered.has(socket) && waiting.delete(socket));
    else waiting.delete(socket);
    response.once('prefinish', () => {
      if (!open.has(socket)) return;
      untaken.add(socket);
      boundUntaken(socket);
    });
    response.once('close', () => {
      untaken.delete(socket);
      const { count, last } = unanswered.get(socket) ?? { count: 1, last: request };
      if (count > 1) unanswered.set(socket, { count: count - 1, last });
      else unanswered.delete(socket);
      if (count === 2) ahead.delete(socket);
      // Of several requests the last may have half a body.
      if (!open.has(socket) || count > 2 || (count === 2 && last.complete)) return;
      waiting.delete(socket);
      waiting.add(socket);
    });
  });
}

/** Whether a request has a body, as far as its headers tell. */
export const hasBody = ({ headers }: Pick<IncomingMessage, 'headers'>): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
