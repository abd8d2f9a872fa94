import { h } from './dom.js';
import { ago, localTime, span, utcTime } from './format.js';

/** A time: local, with UTC as the tooltip. @param {string} [text] shown instead of the time */
export function moment(iso, text) {
  const local = localTime(iso);
  if (local === undefined) return h('span', {}, iso);
  return h('time', { datetime: iso, title: `${localTime(iso, false)} local time, ${utcTime(iso)}` }, text ?? local);
}

/** How long ago something was; {@link tick} keeps it up to date. */
export function since(iso) {
  if (iso === null) return h('span', { class: 'faint' }, 'never');
  const element = moment(iso, ago(Date.now() - Date.parse(iso)));
  element.dataset.since = iso;
  return element;
}

/** How long until something happens; {@link tick} keeps it up to date. */
export function until(iso) {
  if (iso === null) return h('span', { class: 'faint' }, 'unknown');
  const element = moment(iso, ahead(Date.parse(iso) - Date.now()));
  element.dataset.until = iso;
  return element;
}

const ahead = (milliseconds) =>
  milliseconds <= 0
    ? 'now'
    : `in ${span(Math.ceil(milliseconds / 1000))
        .join(' ')
        .replace('.0', '')}`;

export function tick() {
  for (const element of document.querySelectorAll('[data-since]')) {
    const text = ago(Date.now() - Date.parse(element.dataset.since));
    if (element.textContent !== text) element.textContent = text;
  }
  for (const element of document.querySelectorAll('[data-until]')) {
    const text = ahead(Date.parse(element.dataset.until) - Date.now());
    if (element.textContent !== text) element.textContent = text;
  }
}
