import type { Message } from './message.js';
import type { Subject } from './subject.js';

/** A condition that holds for one subject, or held until just now. Times are milliseconds since the epoch. */
export interface Alert {
  readonly rule: string;
  readonly subject: Subject;
  /** Alerts of one rule and one group are told together. */
  readonly group: string;
  words: string;
  /** Since when the condition holds. */
  since: number;
  /** Since when the alert fires; null while the rule's `for` has not passed. */
  firingSince: number | null;
  /** Since when the condition does not hold any more; null while it does. */
  clearSince: number | null;
}

/** Alerts that are told together, from the first that fires to the last that is over. */
export interface Group {
  readonly rule: string;
  readonly name: string;
  since: number;
  /** The channels that were told, for the case that the rule goes. */
  to?: readonly string[];
  /** Messages so far; a message's id is made of it. */
  messages: number;
  /** How often it was told again without anything new. */
  repeats: number;
  lastAt: number | null;
  /** Keys of the alerts that people were told of, with the words that they were told in, until they were told of their end. */
  readonly told: Record<string, { readonly subject: Subject; readonly words: string; readonly since: number }>;
}

/** A message that one channel has not taken yet. */
export interface Waiting {
  readonly channel: string;
  readonly message: Message;
  attempts: number;
  nextAt: number;
  since: number;
}

export const EVENTS = ['fired', 'resolved', 'sent', 'not sent', 'dropped', 'silenced', 'silence ended'] as const;

/** Something that happened; the newest comes first. */
export interface Happened {
  readonly at: number;
  readonly event: (typeof EVENTS)[number];
  readonly rule: string;
  /** The subject, or what was sent. */
  readonly about: string;
  readonly channel: string | null;
  readonly words: string;
}

/** What is known of a channel. */
export interface ChannelState {
  sent: number;
  failed: number;
  lastSentAt: number | null;
  /** Why the last attempt failed, if it did. */
  problem: string | null;
}

/** All that alerts know from one moment to the next, and after a restart. It is kept as one JSON text, so that no part of it is newer than another. */
export interface AlertDocument {
  readonly format: 1;
  /** Since when this pipeline is watched. */
  since: number;
  readonly alerts: Record<string, Alert>;
  readonly groups: Record<string, Group>;
  waiting: Waiting[];
  history: Happened[];
  /** For each queue: how many dead letters lay there at the last look, and when some came. */
  readonly dead: Record<string, { last: number; came: { at: number; readonly more: number }[] }>;
  readonly channels: Record<string, ChannelState>;
}

/** A person's word that an alert is not to be told for some time. */
export interface Silence {
  readonly id: string;
  readonly rule: string;
  /** The name of the one subject that is meant; null for all of the rule. */
  readonly subject: string | null;
  /** ISO 8601 in UTC. */
  readonly at: string;
  readonly until: string;
  readonly by: string;
  readonly why: string;
}

/** How much happened is kept. */
const KEPT = 300;

export const newDocument = (now: number): AlertDocument => ({
  format: 1,
  since: now,
  alerts: {},
  groups: {},
  waiting: [],
  history: [],
  dead: {},
  channels: {},
});

/** @returns undefined for a text that is no document of this format: it begins anew then */
export function readDocument(text: string): AlertDocument | undefined {
  try {
    const found = JSON.parse(text) as Partial<AlertDocument> | null;
    const usual = newDocument(0);
    const isWhole = Object.entries(usual).every(([name, value]) => {
      const one = found?.[name as keyof AlertDocument] ?? value;
      return typeof one === typeof value && Array.isArray(one) === Array.isArray(value);
    });
    const said = Object.entries(found ?? {}).filter(([, value]) => value !== null);
    return found?.format === 1 && isWhole ? { ...usual, ...Object.fromEntries(said), format: 1 } : undefined;
  } catch {
    return undefined;
  }
}

export function note(document: AlertDocument, happened: Happened): void {
  document.history = [happened, ...document.history].slice(0, KEPT);
}

/** A channel may be called as what every object inherits, such as `constructor`. */
export const knownChannel = ({ channels }: AlertDocument, name: string): ChannelState | undefined =>
  Object.hasOwn(channels, name) ? channels[name] : undefined;

export const channelOf = (document: AlertDocument, name: string): ChannelState => {
  const known = knownChannel(document, name);
  if (known !== undefined) return known;
  const fresh = { sent: 0, failed: 0, lastSentAt: null, problem: null };
  document.channels[name] = fresh;
  return fresh;
};

export const keyOf = (rule: string, { kind, name }: Subject): string => `${rule} ${kind} ${name}`;

export const isSilenced = (silences: readonly Silence[], { rule, subject }: Alert, now: number): boolean =>
  silences.some(
    (one) => one.rule === rule && (one.subject === null || one.subject === subject.name) && Date.parse(one.until) > now,
  );
