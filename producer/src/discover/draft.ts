import type { Settings } from './guess.js';
import type { Column } from './records/column.js';

/** What may be said of a setting: its reason, and whether a person should look at it. */
export interface Remark {
  readonly text: string;
  readonly isSure: boolean;
}

export type Remarks = Readonly<Record<string, Remark>>;

/** An entity as it will stand in the file. */
export interface EntityDraft {
  readonly name: string;
  readonly dataset: string;
  readonly key: readonly string[];
  readonly version: string | undefined;
  readonly columns: readonly Column[];
  /** Names of the columns that no record may lack. */
  readonly required: ReadonlySet<string>;
  /** About `key`, `version` and `fields`. */
  readonly remarks: Remarks;
}

/** An endpoint as it will stand in the file. */
export interface EndpointDraft {
  readonly id: string;
  readonly entity: string;
  readonly settings: Settings;
  /** About its settings, by their names. */
  readonly remarks: Remarks;
  /** Raw records that came, to show. */
  readonly records: readonly unknown[];
}

/** All that was found out. */
export interface Draft {
  /** What it is about, for the first line of the file. */
  readonly title: string;
  readonly entities: readonly EntityDraft[];
  readonly endpoints: readonly EndpointDraft[];
  /** Settings of `limits`, if the API tells of some. */
  readonly limits?: { readonly host: string; readonly requestsPerSecond: number; readonly reason: string } | undefined;
  /** What a person should know that belongs to no setting. */
  readonly notes: readonly string[];
  /** What has to stand in the environment, by name. */
  readonly secrets: Readonly<Record<string, string>>;
}
