import { randomUUID } from 'node:crypto';
import type { Clock } from '../service/clock.js';
import { AuditFile } from './file.js';

/** Who acts, and from where. */
export interface AuditActor {
  readonly name: string;
  /** `viewer`, `operator`, `admin`; `system` for what is done without a person. */
  readonly role: string;
  /** An address, `shell`, or the name of the process. */
  readonly from: string;
}

/** An action whose steps are written to the log. */
export interface AuditedAct {
  /** Resolves when the step is on disk. */
  note(step: string, detail?: Readonly<Record<string, unknown>>): Promise<void>;
}

/**
 * The append-only log of everything that is done by people, and of what the system does with personal data. A line is synced to disk before
 * the step that it describes is taken: what cannot be written down is not done.
 */
export class AuditWriter {
  readonly #file: AuditFile;
  readonly #clock: Clock;
  /** On each line, since dashboards and commands of several pipelines may share a file. */
  readonly #pipeline: string | undefined;

  /** @param pipeline of which all is that will be written */
  constructor(path: string, clock: Clock, pipeline?: string) {
    this.#file = new AuditFile(path);
    this.#clock = clock;
    this.#pipeline = pipeline;
  }

  /**
   * Writes down that something is about to be done.
   * @throws RetryableError if the log cannot be written
   */
  async begin(actor: AuditActor, action: string, detail: Readonly<Record<string, unknown>>): Promise<AuditedAct> {
    const request = randomUUID();
    const note: AuditedAct['note'] = (step, more = {}) => {
      const { name, role, from } = actor;
      const at = new Date(this.#clock.now()).toISOString();
      const pipeline = this.#pipeline;
      return this.#file.append({ at, pipeline, who: name, role, from, action, request, step, ...more });
    };
    await note('begun', detail);
    return { note };
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
