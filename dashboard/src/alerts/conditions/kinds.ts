import type { AlertConditionKind, AlertRule } from '@tributary/shared';
import { backlog } from './backlog.js';
import type { Condition, Finding, Seen } from './condition.js';
import { deadLetters } from './dead-letters.js';
import { endpointFailing } from './endpoint-failing.js';
import { freshness } from './freshness.js';
import { gone } from './gone.js';

const CONDITIONS: { readonly [K in AlertConditionKind]: Condition<K> } = {
  freshness,
  'endpoint-failing': endpointFailing,
  'dead-letters': deadLetters,
  backlog,
  gone,
};

export const judge = (rule: AlertRule, seen: Seen): readonly Finding[] =>
  // Each rule goes to the condition that it names.
  (CONDITIONS[rule.when] as Condition<AlertConditionKind>).judge(rule, seen);

export const titleOf = (kind: AlertConditionKind, alerts: number, group: string): string =>
  CONDITIONS[kind].title(alerts, group);
