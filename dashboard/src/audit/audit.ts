import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Clock, describeError, ENVIRONMENT, RetryableError } from '@tributary/shared';
import type { Role } from '../access/roles.js';
import { ActionGatherer, type ActionMatch, type AuditAction, matchesAction } from './actions.js';
import type { AuditEntry } from './entry.js';
import { type LineHead, linesFromEnd } from './newest-lines.js';

/** The person who acts, and from where. */
export interface Actor {
  readonly name: string;
  readonly role: Role;
  /** An address, or `shell`. */
  readonly from: string;
}

/** A request whose steps are written to the log. */
export interface AuditedAct {
  /** Resolves when the step is on disk. */
  note(step: string, detail?: Readonly<Record<string, unknown>>): Promise<void>;
}

/** Where the log is unless a setting says otherwise. */
export const DEFAULT_AUDIT_LOG: string = ENVIRONMENT.AUDIT_LOG.usual;

/**
 * The append-only log of everything that is done on the dashboard or from the shell. It has one JSON object a line, which is
 * synced to disk before the step that it describes is taken: what cannot be written down is not done. Lines that come at the
 * same time share a write.
 */
export class AuditLog {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #waiting: { line: string; done: () => void; failed: (error: unknown) => void }[] = [];
  #writing: Promise<void> | undefined;
  #file: FileHandle | undefined;

  constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
  }

  /**
   * Writes down that something is about to be done.
   * @throws RetryableError if the log cannot be written
   */
  async begin(actor: Actor, action: string, detail: Readonly<Record<string, unknown>>): Promise<AuditedAct> {
    const request = randomUUID();
    const note: AuditedAct['note'] = (step, more = {}) => {
      const { name, role, from } = actor;
      return this.#append({
        at: new Date(this.#clock.now()).toISOString(),
        who: name,
        role,
        from,
        action,
        request,
        step,
        ...more,
      });
    };
    await note('begun', detail);
    return { note };
  }

  /**
   * The newest entries, the newest first, without the bodies of records: those are in the file only.
   * @param request of which they are; of all unless given
   */
  async newest(limit: number, request?: string): Promise<AuditEntry[]> {
    const found: AuditEntry[] = [];
    for await (const entry of this.#entries()) {
      if (request !== undefined && entry.request !== request) continue;
      found.push(entry);
      if (found.length >= limit) break;
      // The first of its lines: there are no others.
      if (request !== undefined && entry.step === 'begun') break;
    }
    return found;
  }

  /** The actions that match, the newest first, each with all of its steps. */
  async *actions(match: ActionMatch): AsyncGenerator<AuditAction> {
    const gatherer = new ActionGatherer();
    for await (const entry of this.#entries()) {
      const gathered = gatherer.take(entry);
      if (gathered !== undefined && matchesAction(gathered, match)) yield gathered.action;
    }
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#file?.close();
    this.#file = undefined;
  }

  async *#entries(): AsyncGenerator<AuditEntry> {
    let file: FileHandle | undefined;
    try {
      file = await open(this.#path);
      for await (const line of linesFromEnd(file)) {
        const { body: _body, before: _before, ...entry } = (parse(line) ?? {}) as AuditEntry;
        if (entry.at !== undefined) yield entry as AuditEntry;
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw new RetryableError('audit_unreadable', `the audit log cannot be read: ${describeError(error)}`);
    } finally {
      await file?.close();
    }
  }

  #append(entry: AuditEntry): Promise<void> {
    return new Promise((done, failed) => {
      this.#waiting.push({ line: `${JSON.stringify(entry)}\n`, done, failed });
      this.#writing ??= this.#write();
    });
  }

  /** It ends in the same step in which it finds that no line waits: else a line that comes between the two would wait for the next one. */
  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0);
      try {
        this.#file ??= await this.#open();
        await this.#file.appendFile(batch.map(({ line }) => line).join(''));
        await this.#file.datasync();
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

  /** The file holds bodies of records, so only its owner may read it. */
  async #open(): Promise<FileHandle> {
    await mkdir(dirname(this.#path), { recursive: true });
    const file = await open(this.#path, 'a+', 0o600);
    const { size } = await file.stat();
    const last = Buffer.from('\n');
    if (size > 0) await file.read(last, 0, 1, size - 1);
    // A crash tore the last line: the next one must not be appended to it.
    if (last.toString() !== '\n') await file.appendFile('\n');
    return file;
  }
}

/** Behind these a line holds bodies of records. Within a text its quotes would be escaped. */
const BODIES = /,"(?:before|body)":"/;

function parse({ text, isWhole }: LineHead): unknown {
  try {
    return JSON.parse(isWhole ? text : `${text.slice(0, text.search(BODIES))}}`) as unknown;
  } catch {
    // A crash tore this line.
    return undefined;
  }
}
