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

const idOf = ({ rule, subject }: FiringAlert): string => JSON.stringify([rule, subject.kind, subject.name]);

/** What is new between two looks. */
export function newsOf(before: readonly FiringAlert[], after: readonly FiringAlert[]): AlertNews[] {
  const fired = new Set(before.map(idOf));
  const fires = new Set(after.map(idOf));
  const told = (status: AlertNews['status']) => (alert: FiringAlert) => {
    const { rule, subject, words, since, silenced } = alert;
    return { rule, subject, words, since, status, silenced };
  };
  return [
    ...after.filter((one) => !fired.has(idOf(one))).map(told('firing')),
    ...before.filter((one) => !fires.has(idOf(one))).map(told('resolved')),
  ];
}
