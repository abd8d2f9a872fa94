import type { Manifest, RunNote } from '../manifest.js';

/** A run that has no manifest: it is going on, or its process was killed. */
export interface Unfinished {
  readonly run: string;
  /** Undefined if it was killed before it could say anything. */
  readonly note: RunNote | undefined;
  /** When it gave the last sign of life, in milliseconds since the epoch. */
  readonly seenAt: number;
}

/** A file as it lies there. */
export interface PutFile {
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * Where the runs of one export go: each into a folder of its own. Calls reject with FatalError for what a person has to change, and with
 * RetryableError for what may pass.
 *
 * Nobody sees a run before `publish`, or sees it without a manifest. `remove` takes the named files and what belongs to the run itself, and
 * leaves everything else; it may be called twice, and for a run that was not begun.
 */
export interface ExportTarget {
  /** For people, without secrets. */
  readonly shown: string;
  /**
   * Manifests of the runs of this export, the oldest first. What other programs have put there is not seen.
   * @param most the newest alone, so many of them
   */
  finished(signal: AbortSignal, most?: number): Promise<Manifest[]>;
  unfinished(signal: AbortSignal): Promise<Unfinished[]>;
  /** Also the sign of life: to be called again while the run goes on. */
  begin(note: RunNote, signal: AbortSignal): Promise<void>;
  /** @param path a file of this machine */
  put(run: string, name: string, path: string, signal: AbortSignal): Promise<PutFile>;
  publish(manifest: Manifest, signal: AbortSignal): Promise<void>;
  /** @param files names as a note or a manifest tells them */
  remove(run: string, files: readonly string[], signal: AbortSignal): Promise<void>;
}
