import { h, svg } from './dom.js';
import { ago, bytes, count, localTime, plural, span, utcTime } from './format.js';

/** A moment: local time, with UTC where one points. @param {string} [text] what is shown instead of the time */
export function moment(iso, text) {
  const local = localTime(iso);
  if (local === undefined) return h('span', {}, iso);
  return h('time', { datetime: iso, title: `${localTime(iso, false)} here, ${utcTime(iso)}` }, text ?? local);
}

/** How long ago something was, which {@link tick} keeps true. */
export function since(iso) {
  if (iso === null) return h('span', { class: 'faint' }, 'never');
  const element = moment(iso, ago(Date.now() - Date.parse(iso)));
  element.dataset.since = iso;
  return element;
}

/** How long until something, which {@link tick} keeps true. */
export function until(iso) {
  if (iso === null) return h('span', { class: 'faint' }, 'not known');
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

const HEIGHT = 28;

/** Rows written in each minute of the last hour, as bars. The scale is logarithmic: one flood must not flatten the rest. */
export function activity(counts) {
  const most = Math.max(1, ...counts);
  const bars = counts.map((rows, minute) => {
    const height = rows === 0 ? 1 : Math.max(3, (Math.log1p(rows) / Math.log1p(most)) * HEIGHT);
    return svg('rect', {
      x: minute * 4,
      y: HEIGHT - height,
      width: 3,
      height,
      rx: rows === 0 ? 0 : 0.8,
      class: rows === 0 ? 'none' : 'some',
    });
  });
  const total = counts.reduce((sum, rows) => sum + rows, 0);
  const label = `${plural(total, 'row')} written in the last hour, at most ${count(most)} in a minute`;
  const words = total === 0 ? 'No row was written in the last hour' : label;
  const box = {
    class: 'activity',
    viewBox: `0 0 239 ${HEIGHT}`,
    preserveAspectRatio: 'none',
    role: 'img',
    'aria-label': words,
  };
  return svg('svg', box, svg('title', {}, words), ...bars);
}

/** What keeps a summary's numbers from being whole: a first read under way, or something wrong with the data. */
export function notices({ indexing, problems }) {
  const reading =
    indexing !== null &&
    h(
      'p',
      { class: 'notice' },
      h('progress', { max: indexing.total, value: indexing.done, 'aria-label': 'Reading the parts' }),
      ` Reading the parts, ${bytes(indexing.done)} of ${bytes(indexing.total)}. Numbers and rows fill up meanwhile.`,
    );
  return [reading, ...problems.map((problem) => h('p', { class: 'notice bad' }, problem))].filter(Boolean);
}

/** A message where data would be: what is the case, and what one can do. */
export function emptyState(title, text, ...actions) {
  return h(
    'div',
    { class: 'empty' },
    h('h2', {}, title),
    h('p', {}, text),
    actions.length > 0 && h('p', {}, ...actions),
  );
}

/** As {@link emptyState}, where it is all that the page shows. */
export function emptyPage(title, text, ...actions) {
  const message = actions.length > 0 && h('p', {}, ...actions);
  return h('div', { class: 'empty' }, h('h1', {}, title), h('p', {}, text), message);
}
