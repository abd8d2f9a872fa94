/** What was found at an API, to be shown. No secret is in it. */
export interface Found {
  /** The pipeline file that was written. */
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
  /** Names of the variables that stand for what was secret in the request. */
  readonly secrets: readonly string[];
  readonly requests: readonly { readonly asked: string; readonly answered: string; readonly milliseconds: number }[];
}

/**
 * Looks at an API that a person has pasted, as a URL or a curl line. The producer knows how to, and services do not import each other: the
 * command line gives it to the dashboard.
 *
 * It asks the server of the URL alone, and this machine or link-local addresses only if the URL says so itself.
 * @throws FatalError, RetryableError saying what was found and what to do, without what is secret
 */
export type Discover = (input: string, signal: AbortSignal) => Promise<Found>;
