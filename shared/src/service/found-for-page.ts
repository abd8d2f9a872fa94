/** What a page shows of an API. No secret is in it: the text has `${NAME}` in its place. */
export interface FoundForPage {
  /** The pipeline file. */
  readonly text: string;
  readonly endpoints: readonly {
    readonly id: string;
    readonly columns: readonly { readonly name: string; readonly type: string; readonly full: string }[];
    readonly rows: readonly (readonly string[])[];
    /** How many records would be dead letters, and why the first of them would. */
    readonly bad: number;
    readonly reason: string | null;
  }[];
  readonly notes: readonly string[];
  /** Names of the variables that hold what was secret in the request. */
  readonly secrets: readonly string[];
  /** The requests that were sent, without what is secret. */
  readonly requests: readonly { readonly asked: string; readonly answered: string; readonly milliseconds: number }[];
}
