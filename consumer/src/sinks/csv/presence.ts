import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, FatalError, random } from '@tributary/shared';
import { ignoreMissing, readIfThere, statIfThere, unlinkIfThere, withFolder } from './files.js';

/** Milliseconds after which a consumer that does not say that it runs is taken for dead. */
const FRESH = 12_000;
/** Milliseconds between two of its words. */
const RENEWAL = 3_000;
/** What a consumer that was killed has left is removed after so many milliseconds. One that only slept says again that it runs. */
const OLD = 5 * 60_000;

interface Tenant {
  /** The path of what it says. */
  readonly note: string;
  /** Undefined if its note is empty: it was killed as it began to write it, or is about to go on. */
  readonly pipeline: string | undefined;
  /** When it came, by the clock of the file system, in milliseconds. */
  readonly since: number;
  /** When it said last that it is here. */
  readonly seen: number;
}

/**
 * Says that a consumer of a pipeline writes to this output, in `<output>/.tributary/running/<token>`, so that no other pipeline
 * writes to it at the same time: two would fence each other in turns. One that came before stays; one that came later gives way. A
 * pipeline may use what another one has left.
 *
 * Times are compared that the file system gave, because the clocks of two machines may differ.
 */
export class Presence {
  readonly #directory: string;
  readonly #pipeline: string;
  readonly #clock: Clock;
  readonly #token = random();
  readonly #left = new AbortController();
  #since: number | undefined;
  #keeping: Promise<void> | undefined;
  #conflict: FatalError | undefined;

  constructor(directory: string, pipeline: string, clock: Clock) {
    this.#directory = directory;
    this.#pipeline = pipeline;
    this.#clock = clock;
  }

  /** The other pipeline to which this one gives way; undefined if there is none. */
  get conflict(): FatalError | undefined {
    return this.#conflict;
  }

  /**
   * Looks for another pipeline, without saying anything of this one.
   * @throws FatalError naming the other pipeline and what to do
   */
  async look(): Promise<void> {
    await this.#check(await this.#others(), Date.now());
  }

  /**
   * Says that this consumer is here.
   * @throws FatalError if another pipeline came before. Then this one has left again
   */
  async enter(): Promise<void> {
    await this.#renew();
    this.#conflict = undefined;
  }

  /** Goes on saying so until this consumer leaves, also between its sessions. */
  keep(): void {
    this.#keeping ??= this.#keep().finally(() => {
      this.#keeping = undefined;
    });
  }

  async leave(): Promise<void> {
    this.#left.abort();
    await this.#keeping;
    await this.#remove();
  }

  async #keep(): Promise<void> {
    while (this.#conflict === undefined) {
      await this.#clock.sleep(RENEWAL, this.#left.signal);
      if (this.#left.signal.aborted) return;
      // An error of the file system is told by the next write.
      await this.#renew().catch((error: unknown) => {
        if (error instanceof FatalError) this.#conflict = error;
      });
    }
  }

  async #renew(): Promise<void> {
    const path = await withFolder(this.#path);
    const text = (since: number) => JSON.stringify({ pipeline: this.#pipeline, since });
    if (this.#since === undefined || (await statIfThere(path)) === undefined) {
      await writeFile(path, '');
      this.#since ??= (await stat(path)).mtimeMs;
    }
    // Over what stands there: it is read at any time. The file system gives it a new time.
    await writeFile(path, text(this.#since), { flag: 'r+' });
    try {
      const { mtimeMs: now } = await stat(path);
      const others = await this.#others();
      await this.#check(others, now);
      for (const { note, seen } of others) if (now - seen > OLD) await unlinkIfThere(note);
    } catch (error) {
      await this.#remove();
      throw error;
    }
  }

  async #remove(): Promise<void> {
    this.#since = undefined;
    await unlinkIfThere(this.#path);
  }

  get #path(): string {
    return join(this.#directory, '.tributary', 'running', this.#token);
  }

  async #check(others: readonly Tenant[], now: number): Promise<void> {
    const own = this.#since ?? Number.POSITIVE_INFINITY;
    for (const { pipeline, since, seen } of others) {
      if (pipeline === undefined || pipeline === this.#pipeline || now - seen > FRESH || since > own) continue;
      throw new FatalError(
        'output_taken',
        `the pipeline "${pipeline}" is writing to the output ${this.#directory}, and this is "${this.#pipeline}": give each pipeline an output of its own (OUTPUT_DIR, or sink.csv.directory), or stop one of them; it begins by itself when the other has ended`,
      );
    }
  }

  async #others(): Promise<Tenant[]> {
    const folder = join(this.#directory, '.tributary', 'running');
    const tenants: Tenant[] = [];
    for (const name of (await readdir(folder).catch(ignoreMissing)) ?? []) {
      if (name === this.#token) continue;
      const path = join(folder, name);
      const text = await readIfThere(path);
      const found = await statIfThere(path);
      const [, pipeline, since] = /^\{"pipeline":"(.*)","since":([\d.]+)\}$/.exec(text ?? '') ?? [];
      if (found === undefined) continue;
      tenants.push({ note: path, pipeline, since: Number(since), seen: found.mtimeMs });
    }
    return tenants;
  }
}
