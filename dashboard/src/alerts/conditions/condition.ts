import type { AlertConditionKind, AlertRuleOf } from '@tributary/shared';
import type { Flow } from '../../flow/flow.js';
import type { Subject } from '../subject.js';

/** What can be seen at one look. */
export interface Seen {
  readonly flow: Flow;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Since when the pipeline is watched. */
  readonly since: number;
  /** Failed polls of an endpoint in a row. */
  failuresOf(endpoint: string): number;
  /** Dead letters that came to a queue in so many milliseconds until now. */
  cameWithin(queue: string, within: number): number;
}

/** What is found of one subject. `unknown`: it cannot be seen now, and whatever was known of it stays. */
export interface Finding {
  readonly subject: Subject;
  /** Findings of one rule and one group are told together; empty for all of the rule. */
  readonly group: string;
  readonly state: 'bad' | 'good' | 'unknown';
  /** What is wrong, as a sentence without its point. */
  readonly words: string;
}

/** One kind of condition. */
export interface Condition<K extends AlertConditionKind> {
  readonly judge: (rule: AlertRuleOf<K>, seen: Seen) => readonly Finding[];
  /** The title of a message about several alerts. */
  readonly title: (alerts: number, group: string) => string;
}
