import type { Clock, EndpointOf } from '@tributary/shared';
import type { FoundFile, Listing } from './places/place.js';

interface Seen extends FoundFile {
  /** Since when it is as it is, by the clock that is never set. */
  readonly since: number;
}

/** Which files are whole: they have stayed as they are for a while, or a marker lies beside them. */
export class Readiness {
  readonly #settle: number;
  readonly #marker: string | undefined;
  readonly #clock: Clock;
  #seen = new Map<string, Seen>();

  constructor({ settle, marker }: Pick<EndpointOf<'files'>, 'settle' | 'marker'>, clock: Clock) {
    this.#settle = settle;
    this.#marker = marker;
    this.#clock = clock;
  }

  /** @returns those that may be read, and those that may not yet, with how long that may take at least, in milliseconds */
  sort({ files, has }: Listing): {
    readonly ready: FoundFile[];
    readonly waiting: { readonly file: FoundFile; readonly wait: number | undefined }[];
  } {
    const marker = this.#marker;
    const ready: FoundFile[] = [];
    const waiting: { file: FoundFile; wait: number | undefined }[] = [];
    const seen = new Map<string, Seen>();
    for (const file of files) {
      if (marker !== undefined) {
        // A marker that is matched by the path is no file to read.
        if (file.name.endsWith(marker)) continue;
        if (has(`${file.name}${marker}`)) ready.push(file);
        else waiting.push({ file, wait: undefined });
        continue;
      }
      const wait = this.#left(file, seen);
      if (wait <= 0) ready.push(file);
      else waiting.push({ file, wait });
    }
    this.#seen = seen;
    return { ready, waiting };
  }

  /**
   * The file's own time tells, unless the clock that set it differs from ours: then it is enough that the file stayed as it is while we looked.
   */
  #left(file: FoundFile, seen: Map<string, Seen>): number {
    const now = this.#clock.monotonic();
    const age = this.#clock.now() - file.modified;
    const before = this.#seen.get(file.name);
    const isSame = before !== undefined && before.size === file.size && before.modified === file.modified;
    const since = isSame ? before.since : now;
    seen.set(file.name, { ...file, since });
    const byTime = age < 0 ? this.#settle : this.#settle - age;
    return Math.min(byTime, this.#settle - (now - since));
  }
}
