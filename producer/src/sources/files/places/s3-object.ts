import { upTo } from '@tributary/shared';
import { PIECE } from '../bytes.js';
import { FileGone, type FoundFile, type OpenFile } from './place.js';
import { NotThere, Refused, type S3 } from './s3-client.js';

/** An object of a bucket that is being read. Each answer has to be of the object that was listed. */
export class OpenObject implements OpenFile {
  readonly file: FoundFile;
  readonly #s3: S3;
  readonly #bucketName: string;
  readonly #key: string;
  /** The first piece, which is looked at more than once: for what the file is, for its hash, and to be read. */
  #head: Promise<Buffer> | undefined;
  /** The ETag that answers have; of some copies it is another one than that of the listing. */
  #tag: string | undefined;

  constructor(s3: S3, bucketName: string, key: string, file: FoundFile) {
    this.#s3 = s3;
    this.#bucketName = bucketName;
    this.#key = key;
    this.file = file;
  }

  async read(offset: number, wanted: number, signal: AbortSignal): Promise<Buffer> {
    const length = Math.min(wanted, this.file.size - offset);
    if (length <= 0) return Buffer.alloc(0);
    if (offset + length > PIECE) return await this.#fetch(offset, length, signal);
    this.#head ??= this.#fetch(0, Math.min(PIECE, this.file.size), signal);
    return (await this.#head).subarray(offset, offset + length);
  }

  async #fetch(offset: number, length: number, signal: AbortSignal): Promise<Buffer> {
    try {
      const answer = await this.#s3.ask(`reading ${this.file.name}`, signal, async (client) => {
        const response = await client.getPartialObject(this.#key, { bucketName: this.#bucketName, offset, length });
        const tag = response.headers.get('etag')?.replaceAll('"', '').replace(/^W\//, '');
        if (tag !== undefined && tag !== (this.#tag ?? this.file.tag)) {
          await response.body?.cancel();
          return tag;
        }
        const { bytes, isWhole } = await upTo(response, length);
        if (!isWhole || bytes.length !== length)
          throw new Error(`the answer has ${isWhole ? bytes.length : 'more'} bytes, where ${length} were asked for`);
        return bytes;
      });
      if (typeof answer !== 'string') {
        this.#tag ??= this.file.tag;
        return answer;
      }
      // Asked behind the request, and not within it: both count towards the limits, which may allow one at a time.
      const now = this.#tag === undefined ? await lookAt(this.#s3, this.#bucketName, this.#key, signal) : undefined;
      if (now?.tag !== answer || !isAsListed(now, this.file)) throw new FileGone('changed', REPLACED);
      this.#tag = answer;
    } catch (error) {
      throw this.#ofThisAlone(error);
    }
    return await this.#fetch(offset, length, signal);
  }

  /** What is wrong with this object alone must not end the poll: others can be read. */
  #ofThisAlone(error: unknown): unknown {
    if (error instanceof NotThere)
      return new FileGone('gone', 'it is listed, and not there (yet, or any more): the next poll looks again');
    // Nothing is asked for behind the end that was listed: it is a shorter one by now.
    if (error instanceof Refused && error.code === 'http_416') return new FileGone('changed', REPLACED);
    const remedy = error instanceof Refused ? REFUSED_ALONE[error.why ?? ''] : undefined;
    return remedy === undefined ? error : new FileGone('refused', remedy, error);
  }

  /** Each answer says which object it is of. */
  async changed(): Promise<string | undefined> {
    return undefined;
  }

  async close(): Promise<void> {}
}

/** An object as it is now; undefined if there is none. */
export async function lookAt(s3: S3, bucketName: string, key: string, signal: AbortSignal) {
  try {
    const { etag, size, lastModified } = await s3.ask(`looking for ${key}`, signal, (client) =>
      client.statObject(key, { bucketName }),
    );
    return { tag: etag.replaceAll('"', ''), size, modified: lastModified.getTime() };
  } catch (error) {
    if (error instanceof NotThere) return undefined;
    throw error;
  }
}

/**
 * Whether an object is the one that was listed. Swift answers with the ETag of an upload in parts (`…-2`) for a copy of one, and lists it with
 * another; size and time tell then. The times may be rounded differently.
 */
export function isAsListed(now: Omit<FoundFile, 'name'>, listed: FoundFile): boolean {
  if (now.tag === listed.tag) return true;
  const isOfParts = ({ tag }: Pick<FoundFile, 'tag'>) => /-\d+$/.test(tag);
  const isCopy = isOfParts(now) && !isOfParts(listed);
  return isCopy && now.size === listed.size && Math.abs(now.modified - listed.modified) <= 1_000;
}

const REPLACED = 'another object was put in its place while it was read; the next poll reads it anew';

/** Codes by which S3 refuses one object to a key that may list the bucket. */
const REFUSED_ALONE: Readonly<Record<string, string>> = {
  InvalidObjectState: 'it lies in an archive of the server (Glacier): restore it',
  AccessDenied:
    'the key may not read it, or what it is encrypted with: give it the right to (s3:GetObject, kms:Decrypt)',
};
