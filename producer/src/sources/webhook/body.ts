import type { IncomingMessage } from 'node:http';
import { count } from '@tributary/shared';
import { Refused } from './refused.js';

/** Bytes of bodies that are being read at a time, of all senders: without a bound, slow ones would fill the memory. */
const MOST_BYTES = 64 * 1024 * 1024;

/** A body that is being read. */
interface Open {
  bytes: number;
  refuse(reason: Refused): void;
}

/**
 * Reads the bodies of requests, each up to a limit. Where all together are too many, the one that began first gives way: a stranger who
 * sends slowly over many connections must not keep out senders, whose bodies are there at once.
 */
export class Bodies {
  readonly #most: number;
  readonly #open = new Set<Open>();
  #bytes = 0;

  /** @param most bytes of all bodies that are being read */
  constructor(most = MOST_BYTES) {
    this.#most = most;
  }

  /** @throws Refused if it is larger than the limit, if too much is being read, or if the sender goes away */
  async read(request: IncomingMessage, limit: number): Promise<Buffer> {
    const coded = request.headers['content-encoding'];
    if (coded !== undefined && coded !== 'identity') {
      throw new Refused('wrong_type', 'a compressed body is not taken: send it without Content-Encoding');
    }
    const announced = Number(request.headers['content-length'] ?? 0);
    if (announced > limit) throw tooLarge(limit);
    return await this.#collect(request, limit);
  }

  /** By listeners: an iterator that is left early destroys the request, and with it the connection that the refusal goes to. */
  #collect(request: IncomingMessage, limit: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      /** Whether it was still being read. */
      const end = () => {
        const wasOpen = this.#open.delete(open);
        if (wasOpen) this.#bytes -= open.bytes;
        request.off('data', take);
        return wasOpen;
      };
      const open: Open = {
        bytes: 0,
        refuse(reason) {
          if (end()) reject(reason);
        },
      };
      const take = (chunk: Buffer) => {
        open.bytes += chunk.length;
        this.#bytes += chunk.length;
        if (open.bytes > limit) return open.refuse(tooLarge(limit));
        chunks.push(chunk);
        for (const oldest of this.#open) {
          if (this.#bytes <= this.#most) break;
          oldest.refuse(new Refused('not_now', 'too much is being sent at this time', { after: 5 }));
        }
      };
      const cutOff = () => open.refuse(new Refused('cut_off', 'the body did not come to its end'));
      this.#open.add(open);
      request
        .on('data', take)
        .once('end', () => {
          if (end()) resolve(Buffer.concat(chunks));
        })
        .once('error', cutOff)
        .once('close', cutOff);
    });
  }
}

const tooLarge = (limit: number) => new Refused('too_large', `a body has at most ${count(limit, 'byte')} here`);
