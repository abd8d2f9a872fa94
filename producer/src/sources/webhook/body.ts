import type { IncomingMessage } from 'node:http';
import { count } from '@tributary/shared';
import { Refused } from './refused.js';

/** Bytes of bodies that are being read at a time, of all senders: without a bound, slow ones would fill the memory. */
const MOST_BYTES = 64 * 1024 * 1024;

/** Reads the bodies of requests, each up to a limit. */
export class Bodies {
  #bytes = 0;

  /** @throws Refused if it is larger than the limit, if too much is being read, or if the sender goes away */
  async read(request: IncomingMessage, limit: number): Promise<Buffer> {
    const coded = request.headers['content-encoding'];
    if (coded !== undefined && coded !== 'identity') {
      throw new Refused('wrong_type', 'a compressed body is not taken: send it without Content-Encoding');
    }
    const announced = Number(request.headers['content-length'] ?? 0);
    if (announced > limit) throw tooLarge(limit);
    let bytes = 0;
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        this.#bytes += chunk.length;
        if (bytes > limit) throw tooLarge(limit);
        if (this.#bytes > MOST_BYTES) throw new Refused('not_now', 'too much is being sent at this time', { after: 5 });
        chunks.push(chunk);
      }
      return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
    } catch (error) {
      if (error instanceof Refused) throw error;
      throw new Refused('cut_off', 'the body did not come to its end');
    } finally {
      this.#bytes -= bytes;
    }
  }
}

const tooLarge = (limit: number) => new Refused('too_large', `a body has at most ${count(limit, 'byte')} here`);
