import { MOST_PAUSE } from './deliveries.js';
import type { AlertDocument } from './document.js';

/**
 * Moments that are still to come are of a clock that has been set back since. Nothing would fire, be over, or be told again before that clock's
 * time has come once more: they count as now.
 * @returns whether something has changed
 */
export function takeBack(document: AlertDocument, now: number): boolean {
  let changed = false;
  const back = <K extends string>(holder: { [Name in K]: number | null }, name: K, latest = now) => {
    const moment = holder[name];
    if (moment === null || moment <= latest) return;
    holder[name] = now;
    changed = true;
  };
  back(document, 'since');
  for (const alert of Object.values(document.alerts)) {
    back(alert, 'since');
    back(alert, 'firingSince');
    back(alert, 'clearSince');
  }
  for (const group of Object.values(document.groups)) {
    // What was told once has its beginning in the name of its incident.
    if (group.lastAt === null) back(group, 'since');
    back(group, 'lastAt');
  }
  for (const waiting of document.waiting) {
    back(waiting, 'since');
    back(waiting, 'nextAt', now + MOST_PAUSE);
  }
  for (const { came } of Object.values(document.dead)) for (const one of came) back(one, 'at');
  return changed;
}
