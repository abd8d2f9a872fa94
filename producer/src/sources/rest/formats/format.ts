import type { EndpointOf } from '@tributary/shared';
import type { Answer } from '../fetch.js';

/** The settings of an endpoint that say how the records of a body are found, beside the format itself. */
export type RecordSettings = Pick<EndpointOf<'rest'>, 'items' | 'as' | 'header' | 'within' | 'errorWhen' | 'graphql'>;

/** A page as it was found in a body. */
export interface FoundPage {
  /** What a pager looks into for the next page; undefined where a body holds nothing but records. */
  readonly body: unknown;
  readonly records: readonly unknown[];
  /** What a person should know about how they were read. */
  readonly doubts?: readonly string[];
}

/** How the records of an endpoint are written in the bodies of its answers. Each kind makes one from the endpoint's settings. */
export interface BodyFormat {
  /** The `Accept` header to ask with, unless the endpoint has one of its own. */
  readonly accept: string;
  /**
   * Reads an answer that has a body.
   *
   * @param excerpt what the body begins with, for a person; to be called only when something is wrong
   * @throws RetryableError if the body is not what it should be: that is what a proxy, a login page or a crashed worker sends
   */
  read(answer: Answer, excerpt: () => string): FoundPage;
}

/** What the answer says its body is, for a person. */
export const typeOf = ({ headers }: Answer): string => `content type ${headers['content-type'] ?? 'missing'}`;
