import type { Duplex } from 'node:stream';

/** What is guarded of the driver's connection, and its types do not tell. */
interface Connection {
  /** Begins to read, of the socket, or of TLS around it. */
  attachListeners(stream: Duplex): void;
}

/** Bytes: no message of Postgres is longer (manual, "Frontend/Backend Protocol": a value has 1 GB at most). */
const LONGEST = 1024 ** 3 + 1024 ** 2;
/** Bytes of a message before the server has let us in. */
const LONGEST_BEFORE = 1024 ** 2;
/** A type, and four bytes that tell how long the message is with themselves. */
const HEAD = 5;
const READY_FOR_QUERY = 'Z'.charCodeAt(0);

/**
 * Has the driver `pg` refuse what no Postgres says. It throws for such a message where nobody can catch it, which ends the process, and keeps
 * one without an end in memory: whatever answers at the address of one database would end what is done with all others.
 * @returns the client
 */
export function refuseOddMessages<C extends object>(client: C): C {
  const { connection } = client as C & { readonly connection: Connection };
  const attach = connection.attachListeners.bind(connection);
  connection.attachListeners = (stream) => {
    const before = new Set(stream.listeners('data'));
    attach(stream);
    const lengths = new Lengths();
    for (const read of stream.listeners('data').filter((one) => !before.has(one))) {
      stream.on('data', (piece: Buffer) => {
        if (stream.destroyed) return;
        try {
          lengths.take(piece);
          read.call(stream, piece);
        } catch (cause) {
          stream.destroy(new Error('what answers there does not speak as a Postgres does', { cause }));
        }
      });
      stream.off('data', read as (piece: Buffer) => void);
    }
  };
  return client;
}

/** The driver's client for a pool, each of which is guarded so. */
export const refusingOddMessages = <C extends new (...given: never[]) => object>(Client: C): C =>
  new Proxy(Client, { construct: (made, given: never[]) => refuseOddMessages(new made(...given)) });

/** How long the messages are that pieces of a stream hold. */
class Lengths {
  /** Of the message that is being read, without its head. */
  #left = 0;
  #head = Buffer.alloc(0);
  #isReady = false;

  /** @throws Error for a message that is too long, or shorter than its own length */
  take(piece: Buffer): void {
    for (let at = 0; at < piece.length; ) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, piece.length - at);
        this.#left -= taken;
        at += taken;
        continue;
      }
      const known = this.#head.length;
      const head =
        known === 0
          ? piece.subarray(at, at + HEAD)
          : Buffer.concat([this.#head, piece.subarray(at, at + HEAD - known)]);
      at += head.length - known;
      this.#head = head.length < HEAD ? Buffer.from(head) : Buffer.alloc(0);
      if (head.length === HEAD) this.#left = this.#bodyOf(head);
    }
  }

  #bodyOf(head: Buffer): number {
    const length = head.readUInt32BE(1);
    this.#isReady ||= head[0] === READY_FOR_QUERY;
    if (length < HEAD - 1 || length > (this.#isReady ? LONGEST : LONGEST_BEFORE))
      throw new RangeError(`a message of ${length} bytes`);
    return length - (HEAD - 1);
  }
}
