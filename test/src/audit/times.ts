import { versionOrder } from '@tributary/shared';

/** Between which versions of the API a row's version lies. */
export interface Span {
  readonly from: string;
  /** Undefined if nothing of its key landed later. */
  readonly to: string | undefined;
}

/** When the API had what a version of the sink stands for. */
export interface Times {
  span(key: string, version: string): Span;
}

/** For a source whose rows have the API's own versions. */
export const SAME_TIMES: Times = { span: (_key, version) => ({ from: version, to: version }) };

/**
 * For a source that orders its records itself, such as by the log of a database: a row that is no tombstone holds the API's version among
 * its fields. A tombstone holds none, so it lies somewhere between the rows beside it.
 */
export class LandedTimes implements Times {
  /** By key: the API's version of each row, by its own. */
  readonly #keys = new Map<string, Map<string, string>>();

  note(key: string, version: string, apiVersion: string): void {
    const versions = this.#keys.get(key);
    if (versions === undefined) this.#keys.set(key, new Map([[version, apiVersion]]));
    else versions.set(version, apiVersion);
  }

  span(key: string, version: string): Span {
    const versions = this.#keys.get(key);
    const exact = versions?.get(version);
    if (exact !== undefined) return { from: exact, to: exact };
    let from = '';
    let to: string | undefined;
    for (const [other, apiVersion] of versions ?? []) {
      if (isLater(version, other)) from = isLater(apiVersion, from) ? apiVersion : from;
      else to = to === undefined || isLater(to, apiVersion) ? apiVersion : to;
    }
    return { from, to };
  }
}

/** Whether a version is later than another, as the ledger has it. */
export const isLater = (version: string, than: string): boolean => versionOrder(version, '') > versionOrder(than, '');
