import type { Reader } from '../ask/reader.js';
import type { Settings } from '../guess.js';
import type { Version } from '../records/version.js';
import type { WrittenSince } from './written.js';

/** What is known when a way to ask for changes is looked for. */
export interface ChangesSearch {
  /** Of the endpoint, with its paging. */
  readonly settings: Settings;
  readonly version: Version;
  /** All that was read, and the first page of it. */
  readonly records: readonly unknown[];
  readonly firstPage: readonly unknown[];
  /** The body of the first page. */
  readonly body: unknown;
  /** A time that the person's request holds. */
  readonly written: WrittenSince | undefined;
  readonly reader: Reader;
  /** The request's parameters may be of any name; unless given, usual names are tried. */
  readonly names?: readonly string[] | undefined;
}
