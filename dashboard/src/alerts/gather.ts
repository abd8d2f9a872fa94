import type { AlertRule, PipelineConfig } from '@tributary/shared';
import { titleOf } from './conditions/kinds.js';
import {
  type Alert,
  type AlertDocument,
  channelOf,
  type Group,
  isSilenced,
  keyOf,
  note,
  type Silence,
} from './document.js';
import { idOf, type Message, MOST_LISTED, pathOf, type ToldAlert } from './message.js';

/** Messages that one channel may have waiting. The oldest go first: what goes on is told again. */
export const MOST_WAITING = 100;
/** What joins a group that was told waits so many times as long as the first of it. */
const LATER = 10;

/** All alerts of one rule and one group that fire and are not silenced. */
interface Firing {
  readonly rule: string;
  readonly name: string;
  readonly alerts: Alert[];
}

/**
 * Makes the messages that are due and puts them into the queues of their channels. What is sent, is sent from there: a message is kept
 * before it is sent, so that it is sent at least once.
 *
 * @returns whether something has changed
 */
export function gatherMessages(
  document: AlertDocument,
  config: PipelineConfig,
  silences: readonly Silence[],
  now: number,
): boolean {
  let changed = false;
  const firing = firingGroups(document, silences, now);
  for (const [key, { rule, name, alerts }] of firing) {
    if (document.groups[key] !== undefined) continue;
    const since = Math.min(...alerts.map(({ firingSince }) => firingSince ?? now));
    document.groups[key] = { rule, name, since, messages: 0, repeats: 0, lastAt: null, told: {} };
    changed = true;
  }
  for (const [key, group] of Object.entries(document.groups)) {
    const rule = config.alerts.rules[group.rule];
    if (rule === undefined) {
      // Who was told that it began is told that nobody watches it any more.
      const told = Object.entries(group.told);
      if (told.length > 0) tell(document, config, group, [], told, now);
      delete document.groups[key];
      changed = true;
      continue;
    }
    const alerts = firing.get(key)?.alerts ?? [];
    const over = Object.entries(group.told).filter(([one]) => !isFiring(document.alerts[one]));
    if (isDue(group, rule, alerts, over.length, now)) {
      tell(document, config, group, alerts, over, now);
      changed = true;
    }
    if (alerts.length === 0 && Object.keys(group.told).length === 0) {
      delete document.groups[key];
      changed = true;
    }
  }
  return changed;
}

const isFiring = (alert: Alert | undefined): boolean => alert !== undefined && alert.firingSince !== null;

function firingGroups({ alerts }: AlertDocument, silences: readonly Silence[], now: number): Map<string, Firing> {
  const groups = new Map<string, Firing>();
  for (const alert of Object.values(alerts)) {
    if (!isFiring(alert) || isSilenced(silences, alert, now)) continue;
    const key = `${alert.rule} ${alert.group}`;
    const found = groups.get(key) ?? { rule: alert.rule, name: alert.group, alerts: [] };
    found.alerts.push(alert);
    groups.set(key, found);
  }
  return groups;
}

/** Whether there is something to tell: something new, the end of all, or that it goes on. */
function isDue(
  group: Group,
  { gather, repeat }: AlertRule,
  alerts: readonly Alert[],
  over: number,
  now: number,
): boolean {
  const isNew = alerts.some(({ rule, subject }) => group.told[keyOf(rule, subject)] === undefined);
  if (group.lastAt === null) return isNew && now - group.since >= gather;
  // What is silenced and goes on is not over.
  const isEnd = alerts.length === 0 && over > 0 && over === Object.keys(group.told).length;
  if (isEnd) return true;
  const quiet = now - group.lastAt;
  if ((isNew || over > 0) && quiet >= LATER * gather) return true;
  return alerts.length > 0 && quiet >= repeat;
}

function tell(
  document: AlertDocument,
  { name: pipeline, alerts: settings }: PipelineConfig,
  group: Group,
  alerts: readonly Alert[],
  over: readonly (readonly [key: string, told: Group['told'][string]])[],
  now: number,
): void {
  const rule = settings.rules[group.rule];
  const { page } = settings;
  const linkOf = (path: string) => (page === undefined ? {} : { link: new URL(path, page).href });
  const isNew = alerts.some(({ subject }) => group.told[keyOf(group.rule, subject)] === undefined);
  group.repeats = isNew || over.length > 0 ? 0 : group.repeats + 1;
  const told: ToldAlert[] = [
    ...alerts.map(({ subject, words, firingSince }): ToldAlert => {
      const since = new Date(firingSince ?? now).toISOString();
      return { subject, status: 'firing', words, since, ...linkOf(pathOf(subject)) };
    }),
    ...over.map(([, { subject, words, since }]): ToldAlert => {
      return { subject, status: 'resolved', words, since: new Date(since).toISOString(), ...linkOf(pathOf(subject)) };
    }),
  ];
  const status = alerts.length > 0 ? 'firing' : 'resolved';
  const of = status === 'firing' ? alerts.length : over.length;
  const [first] = told;
  const what =
    rule === undefined
      ? `the rule ${group.rule} is not watched any more`
      : of === 1
        ? (first?.words ?? group.rule)
        : titleOf(rule.when, of, group.name);
  group.messages += 1;
  group.lastAt = now;
  const incident = idOf(pipeline, group.rule, group.name, group.since);
  const message: Message = {
    id: idOf(incident, group.messages),
    incident,
    pipeline,
    rule: group.rule,
    condition: rule?.when ?? 'gone from the file',
    status,
    repeat: group.repeats,
    title: `${status === 'firing' ? 'Alert' : 'Over'}: ${what}`,
    at: new Date(now).toISOString(),
    since: new Date(group.since).toISOString(),
    alerts: told.slice(0, MOST_LISTED),
    more: Math.max(0, told.length - MOST_LISTED),
    ...linkOf('/alerts'),
  };
  for (const { rule: name, subject, words, firingSince } of alerts)
    group.told[keyOf(name, subject)] = { subject, words, since: firingSince ?? now };
  for (const [key] of over) delete group.told[key];
  const known = Object.keys(settings.channels);
  group.to = rule === undefined ? (group.to ?? known).filter((channel) => known.includes(channel)) : (rule.to ?? known);
  for (const channel of group.to) enqueue(document, channel, message, now);
}

/** Puts a message into the queue of a channel. */
export function enqueue(document: AlertDocument, channel: string, message: Message, now: number): void {
  const before = document.waiting.filter((one) => one.channel === channel);
  if (before.length >= MOST_WAITING) {
    const [oldest] = before;
    document.waiting = document.waiting.filter((one) => one !== oldest);
    channelOf(document, channel).failed += 1;
    if (oldest !== undefined) {
      const { rule, title } = oldest.message;
      const words = `${MOST_WAITING} messages wait for ${channel}: the oldest was dropped`;
      note(document, { at: now, event: 'dropped', rule, about: title, channel, words });
    }
  }
  document.waiting.push({ channel, message, attempts: 0, nextAt: now, since: now });
}
