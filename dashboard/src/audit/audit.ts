import type { FileHandle } from 'node:fs/promises';
import {
  type AuditActor,
  type AuditedAct,
  AuditWriter,
  type Clock,
  describeError,
  ENVIRONMENT,
  openFile,
  RetryableError,
} from '@tributary/shared';
import type { Role } from '../access/roles.js';
import { ActionGatherer, type ActionMatch, type AuditAction, matchesAction } from './actions.js';
import type { AuditEntry } from './entry.js';
import { type LineHead, linesFromEnd } from './newest-lines.js';

export type { AuditedAct };

/** The person who acts, and from where: an address, or `shell`. */
export interface Actor extends AuditActor {
  readonly role: Role;
}

/** Where the log is unless a setting says otherwise. */
export const DEFAULT_AUDIT_LOG: string = ENVIRONMENT.AUDIT_LOG.usual;

/** The audit log, to write to and to look at. */
export class AuditLog extends AuditWriter {
  readonly #path: string;
  readonly #pipeline: string | undefined;

  /** @param pipeline whose lines it writes and shows; it shows those of all unless given */
  constructor(path: string, clock: Clock, pipeline?: string) {
    super(path, clock, pipeline);
    this.#path = path;
    this.#pipeline = pipeline;
  }

  /**
   * The newest entries, the newest first, without the bodies of records: those are in the file only.
   * @param request of which they are; of all unless given
   * @param signal aborts when nobody waits for them any more
   * @throws RetryableError; the signal's reason
   */
  async newest(limit: number, request?: string, signal?: AbortSignal): Promise<AuditEntry[]> {
    const found: AuditEntry[] = [];
    for await (const entry of this.#entries(signal)) {
      if (request !== undefined && entry.request !== request) continue;
      found.push(entry);
      if (found.length >= limit) break;
      // The first of its lines: there are no others.
      if (request !== undefined && entry.step === 'begun') break;
    }
    return found;
  }

  /**
   * The actions that match, the newest first, each with all of its steps.
   * @param signal aborts when nobody waits for them any more: where none matches, hundreds of megabytes would be read for nobody
   * @throws RetryableError; the signal's reason
   */
  async *actions(match: ActionMatch, signal?: AbortSignal): AsyncGenerator<AuditAction> {
    const gatherer = new ActionGatherer();
    for await (const entry of this.#entries(signal)) {
      const gathered = gatherer.take(entry);
      if (gathered !== undefined && matchesAction(gathered, match)) yield gathered.action;
    }
  }

  /** What names no pipeline is of all: `reveal`, and what was written before lines named theirs. */
  #isOwn({ pipeline }: AuditEntry): boolean {
    return this.#pipeline === undefined || pipeline === undefined || pipeline === this.#pipeline;
  }

  async *#entries(signal: AbortSignal | undefined): AsyncGenerator<AuditEntry> {
    let file: FileHandle | undefined;
    try {
      file = await openFile(this.#path);
      for await (const line of linesFromEnd(file)) {
        signal?.throwIfAborted();
        const { link: _link, body: _body, before: _before, ...entry } = (parse(line) ?? {}) as AuditEntry;
        if (entry.at !== undefined && this.#isOwn(entry)) yield entry as AuditEntry;
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      signal?.throwIfAborted();
      throw new RetryableError('audit_unreadable', `the audit log cannot be read: ${describeError(error)}`);
    } finally {
      await file?.close();
    }
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
