import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describeError, RetryableError } from '../errors.js';
import { AuditChain, keyOf } from './chain.js';
import { type AuditHead, readHead, writeHead } from './head.js';
import { auditLines } from './lines.js';

/** A line that waits to be written. */
interface Waiting {
  readonly entry: Readonly<Record<string, unknown>>;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

/**
 * The file of an audit log, to which several processes append. It has one JSON object a line, which begins with a link: all lines that its
 * writer had seen before it. Lines that come at the same time share a write, a sync and a link.
 */
export class AuditFile {
  readonly #path: string;
  readonly #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;
  #file: FileHandle | undefined;
  /** What has been read of the file. Kept when the file is opened again: what somebody changed meanwhile must not become the truth. */
  #chain: AuditChain | undefined;
  #read = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Resolves when the entry is on disk.
   * @throws RetryableError if it cannot be written
   */
  append(entry: Waiting['entry']): Promise<void> {
    return new Promise((done, failed) => {
      this.#waiting.push({ entry, done, failed });
      this.#writing ??= this.#write();
    });
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#file?.close();
    this.#file = undefined;
  }

  /** It ends in the same step in which it finds that no line waits: else a line that comes between the two would wait for the next one. */
  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0);
      try {
        this.#file ??= await this.#open();
        const link = keyOf((await this.#follow(this.#file)).place);
        // Another process may write before this one does, so none of these lines can name the one before it.
        await writeWhole(this.#file, batch.map(({ entry }) => `${JSON.stringify({ link, ...entry })}\n`).join(''));
        await this.#file.datasync();
        await this.#noteHead(this.#file);
        for (const { done } of batch) done();
      } catch (cause) {
        await this.#file?.close().catch(() => {});
        this.#file = undefined;
        const message = `${this.#path} cannot be written, and what is not in the audit log is not done: ${describeError(cause)}`;
        for (const { failed } of batch) failed(new RetryableError('audit_unwritable', message, { cause }));
      }
    }
    this.#writing = undefined;
  }

  /** The line is on disk: that its head is not must not undo what it tells of. The next line writes it. */
  async #noteHead(file: FileHandle): Promise<void> {
    const chain = await this.#follow(file);
    await writeHead(this.#path, { ...chain.place, bytes: this.#read }).catch(() => {});
  }

  /** Reads what this process and others have written since. */
  async #follow(file: FileHandle): Promise<AuditChain> {
    const { size } = await file.stat();
    this.#chain ??= await this.#begin(file, size);
    // Cut off at its end: the next line names what was there, which verify tells.
    if (size < this.#read) this.#read = size;
    for await (const line of auditLines(file, this.#read)) {
      this.#chain.take(line);
      this.#read = line.end;
    }
    return this.#chain;
  }

  /** Goes on from what the last writer has noted; from the beginning, if none has. */
  async #begin(file: FileHandle, size: number): Promise<AuditChain> {
    const head = await readHead(this.#path);
    if (head === undefined) return new AuditChain();
    this.#read = await lineFrom(file, head, size);
    return new AuditChain(head);
  }

  /** The file holds bodies of records, so only its owner may read it. */
  async #open(): Promise<FileHandle> {
    await mkdir(dirname(this.#path), { recursive: true });
    const file = await open(this.#path, 'a+', 0o600);
    const { size } = await file.stat();
    // A crash tore the last line: the next one must not be appended to it.
    if (size > 0 && !(await endsLine(file, size))) await writeWhole(file, '\n');
    return file;
  }
}

/** In one call: in pieces, lines of other processes could come between them. */
async function writeWhole(file: FileHandle, text: string): Promise<void> {
  const bytes = Buffer.from(text);
  const { bytesWritten } = await file.write(bytes);
  if (bytesWritten < bytes.length) throw new Error(`only ${bytesWritten} of ${bytes.length} bytes were taken`);
}

/** Where the first line begins that the head does not hold. If somebody has made lines before it longer or shorter, that is in one of them. */
async function lineFrom(file: FileHandle, { bytes }: AuditHead, size: number): Promise<number> {
  if (bytes === 0 || bytes >= size || (await endsLine(file, bytes))) return Math.min(bytes, size);
  for await (const { end } of auditLines(file, bytes)) return end;
  return size;
}

async function endsLine(file: FileHandle, end: number): Promise<boolean> {
  const last = Buffer.alloc(1);
  await file.read(last, 0, 1, end - 1);
  return last[0] === 10;
}
