import { type Message, textOf } from '../message.js';
import type { MakeChannel } from './channel.js';
import { post } from './post.js';

/** Characters of a section of Slack. */
const LONGEST = 2_900;

/** An incoming webhook takes text and blocks. Names of endpoints and words of APIs are no markup: Slack wants these three escaped. */
export const slack: MakeChannel<'slack'> = ({ url }) => ({
  send: (message, signal) => post(url, JSON.stringify(bodyOf(message)), {}, signal),
});

function bodyOf(message: Message) {
  const { title, alerts, more, link, id, pipeline, at } = message;
  const lines = alerts.map(({ words, status, link: to }) => {
    const text = `${status === 'resolved' ? 'over: ' : ''}${escaped(words)}`;
    return `• ${to === undefined ? text : `${text} <${to}|look>`}`;
  });
  const rest = more > 0 ? [`and ${more} more`] : [];
  const page = link === undefined ? '' : ` <${link}|all alerts>`;
  return {
    text: escaped(textOf(message).slice(0, LONGEST)),
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: title.slice(0, 148) } },
      ...(lines.length === 0 ? [] : [section([...cut(lines), ...rest].join('\n'))]),
      { type: 'context', elements: [markup(`${escaped(pipeline)} · ${at} · ${id}${page}`)] },
    ],
  };
}

/** `verbatim`: without it Slack makes mentions and links of plain words too, such as @channel in what an API answered. */
const markup = (text: string) => ({ type: 'mrkdwn', text, verbatim: true });
const section = (text: string) => ({ type: 'section', text: markup(text) });

/** As many whole lines as Slack takes: half a link is none. */
function cut(lines: readonly string[]): string[] {
  const kept: string[] = [];
  let length = 0;
  for (const line of lines) {
    length += line.length + 1;
    if (length > LONGEST) return [...kept, `and ${lines.length - kept.length} more`];
    kept.push(line.slice(0, LONGEST));
  }
  return kept;
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
