import { type Bucket, bucketIn, FatalError } from '@tributary/shared';
import { isTemporary, matcherOf, splitGlob } from './glob.js';
import type { FilePlace, FoundFile, Listing, OpenFile, Trouble } from './place.js';
import { NotThere, type S3 } from './s3-client.js';
import { isAsListed, lookAt, OpenObject } from './s3-object.js';

/** A prefix of a bucket. */
export class S3Place implements FilePlace {
  readonly shown: string;
  readonly #s3: S3;
  readonly #bucket: Bucket;
  readonly #prefix: string;
  readonly #matches: (name: string) => boolean;
  readonly #moveTo: Bucket | undefined;

  /** @param url `s3://bucket/prefix/*.csv`; `moveTo` the same without placeholders: where objects go that were read */
  constructor(s3: S3, url: string, moveTo?: string) {
    const { name, path } = bucketIn(url);
    const { base, glob } = splitGlob(path);
    this.#s3 = s3;
    this.#prefix = base === '' ? '' : `${base.replace(/\/$/, '')}/`;
    this.#bucket = { name, path: this.#prefix };
    this.#matches = matcherOf(glob).matches;
    this.shown = `s3://${name}/${this.#prefix}`;
    this.#moveTo = moveTo === undefined ? undefined : bucketIn(moveTo.endsWith('/') ? moveTo : `${moveTo}/`);
  }

  async list(signal: AbortSignal): Promise<Listing> {
    const bucketName = this.#bucket.name;
    const prefix = this.#prefix;
    const objects = await this.#s3
      .ask(`listing ${this.shown}`, signal, async (client) => {
        const found: FoundFile[] = [];
        for await (const { key, size, lastModified, etag } of client.listObjects({ bucketName, prefix })) {
          signal.throwIfAborted();
          found.push({
            name: key.slice(prefix.length),
            size,
            modified: lastModified.getTime(),
            tag: etag.replaceAll('"', ''),
          });
        }
        return found;
      })
      .catch((error: unknown) => {
        if (error instanceof NotThere)
          throw new FatalError('bucket_missing', `there is no bucket ${bucketName}: ${error.message}`);
        throw error;
      });
    const names = new Set(objects.map(({ name }) => name));
    const isMoved = (name: string) =>
      this.#moveTo?.name === bucketName && `${prefix}${name}`.startsWith(this.#moveTo.path);
    const wanted = objects.filter(
      ({ name }) => this.#matches(name) && !isTemporary(name) && !name.endsWith('/') && !isMoved(name),
    );
    const isStrange = ({ name }: FoundFile) => STRANGE.test(`${prefix}${name}`);
    const troubles = wanted
      .filter(isStrange)
      .map(({ name }): Trouble => ({ name, code: 'strange_name', reason: RENAME }));
    return { files: wanted.filter((file) => !isStrange(file)), troubles, has: (name) => names.has(name) };
  }

  async open(file: FoundFile): Promise<OpenFile> {
    return new OpenObject(this.#s3, this.#bucket.name, `${this.#prefix}${file.name}`, file);
  }

  async move(file: FoundFile, marker: string | undefined, signal: AbortSignal): Promise<void> {
    if (this.#moveTo === undefined) return;
    const now = await lookAt(this.#s3, this.#bucket.name, `${this.#prefix}${file.name}`, signal);
    if (now === undefined || !isAsListed(now, file)) return;
    if (marker !== undefined) await this.#moveInto(this.#moveTo, `${file.name}${marker}`, signal);
    await this.#moveInto(this.#moveTo, file.name, signal, now.tag);
  }

  /** @param tag of the object that was read: another one that was put in its place while it was copied stays, to be read itself */
  async #moveInto(to: Bucket, name: string, signal: AbortSignal, tag?: string): Promise<void> {
    const [bucketName, key] = [this.#bucket.name, `${this.#prefix}${name}`];
    const free = await this.#freeKey(to, `${to.path}${name}`, signal);
    try {
      await this.#s3.ask(`moving ${name}`, signal, (client) =>
        client.copyObject({ sourceBucketName: bucketName, sourceKey: key }, free, { bucketName: to.name }),
      );
      if (tag !== undefined && (await lookAt(this.#s3, bucketName, key, signal))?.tag !== tag) return;
      await this.#s3.ask(`moving ${name}`, signal, (client) => client.deleteObject(key, { bucketName }));
    } catch (error) {
      if (!(error instanceof NotThere)) throw error;
    }
  }

  /** An object that was moved there before under this name is kept: a poll of everything reads both. */
  async #freeKey(to: Bucket, key: string, signal: AbortSignal): Promise<string> {
    for (let number = 1; ; number++) {
      const free = number === 1 ? key : `${key}.${number}`;
      if ((await lookAt(this.#s3, to.name, free, signal)) === undefined) return free;
    }
  }

  async moved(): Promise<FilePlace | undefined> {
    return this.#moveTo === undefined
      ? undefined
      : new S3Place(this.#s3, `s3://${this.#moveTo.name}/${this.#moveTo.path}**`);
  }
}

/** Keys of objects that cannot be asked for: `fetch` goes up at the parts `.` and `..`, as in all addresses. */
const STRANGE = /(^|\/)\.{1,2}(\/|$)/;
const RENAME = 'an object with . or .. for a folder in its name cannot be asked for: rename it';
