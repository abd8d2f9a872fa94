import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import {
  type BoundedClient,
  bucketIn,
  type Clock,
  describeError,
  type ExportConfig,
  FatalError,
  openS3Client,
  RetryableError,
  upTo,
  withoutValues,
} from '@tributary/shared';
import {
  MANIFEST,
  type Manifest,
  MOST_BYTES,
  manifestSchema,
  noteSchema,
  parsed,
  RUN,
  RUNNING,
  type RunNote,
  written,
} from '../manifest.js';
import { newest } from './newest.js';
import type { ExportTarget, PutFile, Unfinished } from './port.js';

/** Bytes of a part of an upload. Four are on their way at once, so this bounds the memory; S3 takes 10,000 of them. */
const PART = 16 * 1024 * 1024;
/** Milliseconds for one request, and between two attempts. */
const TIMEOUT = 120_000;
const AGAIN = 2_000;
const ATTEMPTS = 4;
/** Characters of a manifest that is kept in memory. */
const LARGEST_KNOWN = 64 * 1024;

/** A prefix of a bucket: a run is whole when its manifest is there, which is put last. */
export class S3Target implements ExportTarget {
  readonly shown: string;
  readonly #s3: ExportConfig['s3'];
  readonly #endPoint: string;
  readonly #bucketName: string;
  readonly #prefix: string;
  readonly #pipeline: string;
  readonly #export: string;
  readonly #clock: Clock;
  /** Manifests that were read, and when they had been put; undefined for one that is none of ours. */
  readonly #known = new Map<string, { readonly at: number; readonly manifest: Manifest | undefined }>();

  /** @param to `s3://bucket/prefix` */
  constructor(
    { to, s3 }: Pick<ExportConfig, 'to' | 's3'>,
    { pipeline, name, clock }: { readonly pipeline: string; readonly name: string; readonly clock: Clock },
  ) {
    const bucket = bucketIn(to);
    const base = bucket.path.replaceAll(/^\/+|\/+$/g, '');
    this.#s3 = s3;
    this.#endPoint = s3.endpoint ?? `https://s3.${s3.region}.amazonaws.com`;
    this.#bucketName = bucket.name;
    this.#prefix = `${base === '' ? '' : `${base}/`}${name}/`;
    this.#pipeline = pipeline;
    this.#export = name;
    this.#clock = clock;
    this.shown = `s3://${bucket.name}/${this.#prefix}`;
  }

  async finished(signal: AbortSignal, most = Number.POSITIVE_INFINITY): Promise<Manifest[]> {
    const runs = await this.#runs(signal);
    for (const run of this.#known.keys()) if (!runs.has(run)) this.#known.delete(run);
    const whole = [...runs].flatMap(([run, files]) => (files.has(MANIFEST) ? [run] : []));
    return await newest(whole, most, (run) => this.#manifestOf(run, runs.get(run)?.get(MANIFEST) ?? 0, signal));
  }

  /** Read once, unless it is large: nobody changes a manifest, and a request for each costs time and money at each look. */
  async #manifestOf(run: string, at: number, signal: AbortSignal): Promise<Manifest | undefined> {
    const known = this.#known.get(run);
    if (known?.at === at) return known.manifest;
    const text = await this.#textOf(`${run}/${MANIFEST}`, signal);
    const read = parsed(manifestSchema, text);
    const manifest = read !== undefined && this.#isOurs(read, run) ? read : undefined;
    if (text.length <= LARGEST_KNOWN) this.#known.set(run, { at, manifest });
    return manifest;
  }

  async unfinished(signal: AbortSignal): Promise<Unfinished[]> {
    const found: Unfinished[] = [];
    for (const [run, files] of await this.#runs(signal)) {
      const seenAt = files.get(RUNNING);
      // The note is put first and removed last. Without one, these objects are not ours.
      if (files.has(MANIFEST) || seenAt === undefined) continue;
      const note = parsed(noteSchema, await this.#textOf(`${run}/${RUNNING}`, signal));
      if (note !== undefined && this.#isOurs(note, run)) found.push({ run, note, seenAt });
    }
    return found;
  }

  async begin(note: RunNote, signal: AbortSignal): Promise<void> {
    await this.#put(`${note.run}/${RUNNING}`, written(note), signal);
  }

  async put(run: string, name: string, path: string, signal: AbortSignal): Promise<PutFile> {
    const { size } = await stat(path);
    return await this.#ask(`writing ${name}`, signal, async (client) => {
      const hash = createHash('sha256');
      async function* hashed() {
        for await (const piece of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
          hash.update(piece as Buffer);
          yield piece as Uint8Array<ArrayBuffer>;
        }
      }
      const content = Readable.toWeb(Readable.from(hashed(), { highWaterMark: 1 })) as ReadableStream<Uint8Array>;
      const options = { bucketName: this.#bucketName, size, partSize: PART };
      await client.putObject(`${this.#prefix}${run}/${name}`, content, options);
      return { bytes: size, sha256: hash.digest('hex') };
    });
  }

  async publish(manifest: Manifest, signal: AbortSignal): Promise<void> {
    await this.#put(`${manifest.run}/${MANIFEST}`, written(manifest), signal);
    await this.#delete(`${manifest.run}/${RUNNING}`, signal);
  }

  async remove(run: string, files: readonly string[], signal: AbortSignal): Promise<void> {
    const there = (await this.#runs(signal)).get(run) ?? new Map<string, number>();
    // Whoever is killed in the middle leaves a note by which the next run goes on.
    if (there.has(MANIFEST) && !there.has(RUNNING)) {
      const note = { pipeline: this.#pipeline, export: this.#export, run, files: [...files] };
      await this.begin({ ...note, host: '', pid: 0, begunAt: new Date(this.#clock.now()).toISOString() }, signal);
    }
    for (const name of [MANIFEST, ...files]) {
      await this.#abortUploads(`${this.#prefix}${run}/${name}`, signal);
      if (there.has(name)) await this.#delete(`${run}/${name}`, signal);
    }
    await this.#delete(`${run}/${RUNNING}`, signal);
  }

  #isOurs(one: { readonly pipeline: string; readonly export: string; readonly run: string }, run: string): boolean {
    return one.pipeline === this.#pipeline && one.export === this.#export && one.run === run;
  }

  /** The objects of each run, with when they were put. */
  async #runs(signal: AbortSignal): Promise<Map<string, Map<string, number>>> {
    return await this.#ask('listing', signal, async (client) => {
      const runs = new Map<string, Map<string, number>>();
      for await (const { key, lastModified } of client.listObjects({
        bucketName: this.#bucketName,
        prefix: this.#prefix,
      })) {
        const [run = '', name = '', more] = key.slice(this.#prefix.length).split('/');
        if (!RUN.test(run) || more !== undefined) continue;
        const files = runs.get(run) ?? new Map<string, number>();
        runs.set(run, files.set(name, lastModified.getTime()));
      }
      return new Map([...runs].sort(([a], [b]) => (a < b ? -1 : 1)));
    });
  }

  async #textOf(name: string, signal: AbortSignal): Promise<string> {
    return await this.#ask(`reading ${name}`, signal, async (client) => {
      const response = await client.getObject(`${this.#prefix}${name}`, { bucketName: this.#bucketName });
      return (await upTo(response, MOST_BYTES)).bytes.toString('utf8');
    });
  }

  async #put(name: string, text: string, signal: AbortSignal): Promise<void> {
    const work = (client: BoundedClient) =>
      client.putObject(`${this.#prefix}${name}`, text, { bucketName: this.#bucketName });
    await this.#ask(`writing ${name}`, signal, work);
  }

  async #delete(name: string, signal: AbortSignal): Promise<void> {
    await this.#ask(`removing ${name}`, signal, async (client) => {
      try {
        await client.deleteObject(`${this.#prefix}${name}`, { bucketName: this.#bucketName });
      } catch (error) {
        if (statusOf(error) !== 404) throw error;
      }
    });
  }

  /** Parts of an upload that was not completed are no object, and are paid for all the same. */
  async #abortUploads(key: string, signal: AbortSignal): Promise<void> {
    const bucketName = this.#bucketName;
    await this.#ask('looking for uploads that were not completed', signal, async (client) => {
      const listing = await client.makeRequest({
        method: 'GET',
        bucketName,
        objectName: '',
        query: { uploads: '', prefix: key },
        returnBody: true,
      });
      // By one pattern from end to end, a list in which none ends is read to its end for each that begins.
      const uploads = (await listing.text()).split('<Upload>').slice(1);
      for (const upload of uploads.filter((one) => one.includes('</Upload>'))) {
        const uploadId = /<UploadId>([^<]+)<\/UploadId>/.exec(upload)?.[1];
        if (uploadId === undefined || /<Key>([^<]*)<\/Key>/.exec(upload)?.[1] !== key) continue;
        await client.makeRequest({
          method: 'DELETE',
          bucketName,
          objectName: key,
          query: { uploadId },
          statusCode: 204,
        });
      }
    });
  }

  async #ask<T>(what: string, signal: AbortSignal, work: (client: BoundedClient) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted();
      try {
        return await work(await openS3Client({ ...this.#s3, endPoint: this.#endPoint, signal, timeout: TIMEOUT }));
      } catch (error) {
        signal.throwIfAborted();
        const fault = this.#faultOf(what, error);
        if (fault instanceof FatalError || attempt === ATTEMPTS) throw fault;
        await this.#clock.sleep(AGAIN * 2 ** (attempt - 1), signal);
      }
    }
  }

  #faultOf(what: string, cause: unknown): FatalError | RetryableError {
    const status = statusOf(cause);
    const { accessKey = '', secretKey = '', sessionToken = '' } = this.#s3;
    const secrets = [secretKey, sessionToken, accessKey].filter((value) => value.length > 3);
    const told = `${what} (${this.shown}): ${withoutValues(describeError(cause), secrets)}`;
    if (status === 401 || status === 403)
      return new FatalError(
        `http_${status}`,
        `${told}; look at s3.accessKey, s3.secretKey, s3.region, and at what the key may do`,
      );
    if (status === 404) return new FatalError('http_404', `${told}; is there a bucket ${this.#bucketName}?`);
    if (status !== undefined && status < 500 && status !== 408 && status !== 429)
      return new FatalError(`http_${status}`, told);
    return new RetryableError(status === undefined ? 's3_unreachable' : `http_${status}`, told);
  }
}

function statusOf(error: unknown): number | undefined {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  return typeof status === 'number' ? status : undefined;
}
