import { createHash } from 'node:crypto';
import type { Subject } from './subject.js';

/** An alert as a message tells it. Times are ISO 8601 in UTC. */
export interface ToldAlert {
  readonly subject: Subject;
  readonly status: 'firing' | 'resolved';
  readonly words: string;
  readonly since: string;
  /** What it is about on the dashboard, if the file says where that is. */
  readonly link?: string;
}

/** What a channel is given to send. */
export interface Message {
  /** The same however often it is sent: a receiver that has seen it drops it. */
  readonly id: string;
  /** The same for all messages from the first of a group to its end. */
  readonly incident: string;
  readonly pipeline: string;
  readonly rule: string;
  readonly condition: string;
  readonly status: 'firing' | 'resolved' | 'test';
  /** 0 at first; how often it was told again without anything new. */
  readonly repeat: number;
  readonly title: string;
  readonly at: string;
  readonly since: string;
  readonly alerts: readonly ToldAlert[];
  /** Alerts that are not listed, for there are too many. */
  readonly more: number;
  readonly link?: string;
}

/** Alerts that a message lists. */
export const MOST_LISTED = 50;

export const idOf = (...parts: readonly (string | number)[]): string =>
  `msg_${createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 27)}`;

/** Where a subject is shown. */
const PAGES: { readonly [K in Subject['kind']]: (name: string) => string } = {
  dataset: (name) => `/data/${encodeURIComponent(name)}`,
  endpoint: (name) => `/endpoints/${encodeURIComponent(name)}`,
  queue: (name) => `/dead-letters?queue=${encodeURIComponent(name)}`,
  service: () => '/',
};

export const pathOf = ({ kind, name }: Subject): string => PAGES[kind](name);

/** The message as plain text: for e-mail, and for the text that a Slack notification shows. */
export function textOf({ title, alerts, more, at, id, link, pipeline, repeat, status }: Message): string {
  const lines = alerts.map((alert) => {
    const mark = alert.status === 'resolved' ? 'over: ' : '';
    return `- ${mark}${alert.words} (since ${alert.since})${alert.link === undefined ? '' : `\n  ${alert.link}`}`;
  });
  return [
    title,
    '',
    ...lines,
    ...(more > 0 ? [`and ${more} more`] : []),
    ...(status === 'firing' && repeat > 0 ? ['', `This goes on; it was told ${repeat} times before.`] : []),
    '',
    ...(link === undefined ? [] : [link]),
    `Pipeline ${pipeline}, ${at}, ${id}`,
  ].join('\n');
}
