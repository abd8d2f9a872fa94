import type { OutgoingMessage } from '../../publish/messages.js';

/** Which endpoint the copies of a publication belong to, and when the last of them was kept. */
export interface CopiesOf {
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/**
 * Copies of events that the broker has confirmed, by the publication that numbers them, until a consumer has settled all of it. What was
 * polled can be polled again; an event is sent once.
 */
export interface EventCopies {
  keep(token: string, of: CopiesOf, messages: readonly OutgoingMessage[]): Promise<void>;
  /** In the order in which they were kept. */
  read(token: string): Promise<readonly OutgoingMessage[]>;
  /** Removes those that were kept first. @param count how many */
  drop(token: string, count: number): Promise<void>;
  list(): Promise<ReadonlyMap<string, CopiesOf>>;
}
