import type { AlertsConfig } from '@tributary/shared';
import type { Seen } from './conditions/condition.js';
import { judge } from './conditions/kinds.js';
import { type AlertDocument, keyOf, note } from './document.js';

/** More than this are not alerts any more, and the document stays small. */
const MOST = 2_000;

/**
 * Brings the alerts up to date with what is seen: a condition that holds for `for` fires; one that does not hold for `resolveAfter` is
 * over; one that cannot be seen stays as it was.
 *
 * @returns whether something has changed that has to outlive this process
 */
export function judgeAll(document: AlertDocument, { rules }: AlertsConfig, seen: Seen): boolean {
  const { alerts } = document;
  const { now } = seen;
  const watched = new Set<string>();
  let changed = false;
  for (const [name, rule] of Object.entries(rules)) {
    for (const { subject, group, state, words } of judge(rule, seen)) {
      const key = keyOf(name, subject);
      watched.add(key);
      const alert = alerts[key];
      if (state === 'unknown') continue;
      if (state === 'good') {
        if (alert === undefined) continue;
        if (alert.firingSince === null) {
          delete alerts[key];
          changed = true;
        } else if (alert.clearSince === null) {
          alert.clearSince = now;
          changed = true;
        }
      } else if (alert === undefined) {
        if (Object.keys(alerts).length >= MOST) continue;
        alerts[key] = { rule: name, subject, group, words, since: now, firingSince: null, clearSince: null };
        changed = true;
      } else {
        alert.words = words;
        changed ||= alert.clearSince !== null;
        alert.clearSince = null;
      }
    }
    changed = settle(document, name, rule, now) || changed;
  }
  return dropUnwatched(document, watched, now) || changed;
}

/** What fires now, and what is over. */
function settle(
  document: AlertDocument,
  name: string,
  { for: least, resolveAfter }: AlertsConfig['rules'][string],
  now: number,
): boolean {
  let changed = false;
  for (const [key, alert] of Object.entries(document.alerts)) {
    if (alert.rule !== name) continue;
    const { subject, words } = alert;
    const happened = (event: 'fired' | 'resolved') =>
      note(document, { at: now, event, rule: name, about: subject.name, channel: null, words });
    if (alert.firingSince === null && alert.clearSince === null && now - alert.since >= least) {
      alert.firingSince = now;
      happened('fired');
      changed = true;
    } else if (alert.clearSince !== null && now - alert.clearSince >= resolveAfter) {
      delete document.alerts[key];
      happened('resolved');
      changed = true;
    }
  }
  return changed;
}

/** A rule, an endpoint or a dataset that is not there any more cannot get well. */
function dropUnwatched(document: AlertDocument, watched: ReadonlySet<string>, now: number): boolean {
  let changed = false;
  for (const [key, { rule, subject, firingSince }] of Object.entries(document.alerts)) {
    if (watched.has(key)) continue;
    delete document.alerts[key];
    changed = true;
    if (firingSince === null) continue;
    const words = `${subject.name} is not watched any more`;
    note(document, { at: now, event: 'resolved', rule, about: subject.name, channel: null, words });
  }
  return changed;
}

/** Notes dead letters that came. @returns whether some did, or went */
export function noteDeadLetters(document: AlertDocument, { flow, now }: Pick<Seen, 'flow' | 'now'>): boolean {
  let changed = false;
  for (const { queue, dead } of flow.queues) {
    if (dead === null) continue;
    document.dead[queue] ??= { last: dead, came: [] };
    const known = document.dead[queue];
    if (known.last === dead) continue;
    if (dead > known.last) known.came = [...known.came, { at: now, more: dead - known.last }].slice(-200);
    known.last = dead;
    changed = true;
  }
  return changed;
}

export const cameWithin =
  ({ dead }: AlertDocument, now: number) =>
  (queue: string, within: number) =>
    (dead[queue]?.came ?? []).filter(({ at }) => now - at <= within).reduce((sum, { more }) => sum + more, 0);
