import { keyOf } from './document.js';
import type { FiringAlert, Subject } from './subject.js';

/** An alert that began to fire, or that fires no more. */
export interface AlertNews {
  readonly rule: string;
  readonly subject: Subject;
  /** What is wrong, in words, or what was. */
  readonly words: string;
  /** Since when it fires or fired, ISO 8601 in UTC. */
  readonly since: string;
  readonly status: 'firing' | 'resolved';
  /** Whether a person has silenced it. */
  readonly silenced: boolean;
}

/** What is new between two looks. */
export function newsOf(before: readonly FiringAlert[], after: readonly FiringAlert[]): AlertNews[] {
  const keyOfAlert = ({ rule, subject }: FiringAlert) => keyOf(rule, subject);
  const fired = new Set(before.map(keyOfAlert));
  const fires = new Set(after.map(keyOfAlert));
  const told = (status: AlertNews['status']) => (alert: FiringAlert) => {
    const { rule, subject, words, since, silenced } = alert;
    return { rule, subject, words, since, status, silenced };
  };
  return [
    ...after.filter((one) => !fired.has(keyOfAlert(one))).map(told('firing')),
    ...before.filter((one) => !fires.has(keyOfAlert(one))).map(told('resolved')),
  ];
}
