import { get } from '../../ui/api.js';
import { h, replace } from '../../ui/dom.js';
import { localTime } from '../../ui/format.js';
import { moment } from '../../ui/times.js';

/** Milliseconds between two looks. */
const AGAIN = 3_000;

/** What the producers wrote into their logs about an endpoint, as it comes. */
export function createLog(id, signal) {
  let asked = 0;
  let shown = '';
  const list = h('ol', { class: 'log-lines' });
  const told = h('p', { class: 'faint' });
  const box = h('div', { class: 'log-box', tabindex: '0', role: 'region', 'aria-label': 'Log lines' }, list);

  async function look() {
    if (Date.now() - asked < AGAIN) return;
    asked = Date.now();
    try {
      const { lines, silent } = await get(`/endpoints/${encodeURIComponent(id)}/log`, signal);
      const now = JSON.stringify([lines, silent]);
      if (now === shown) return;
      shown = now;
      replace(list, ...lines.map(item));
      box.hidden = lines.length === 0;
      replace(told, wordsOf(lines, silent));
    } catch {
      if (!signal.aborted) replace(told, 'The lines cannot be had now; asked again in a moment.');
    }
  }

  return { root: h('div', {}, told, box), look };
}

function wordsOf(lines, silent) {
  const missing = silent === 0 ? '' : ` ${silent === 1 ? 'A producer does' : `${silent} producers do`} not answer.`;
  if (lines.length > 0) return `The newest first, as in the log, without secrets.${missing}`;
  return `No line about it since the producer started: a run that succeeds is not logged.${missing}`;
}

const item = ({ at, level, text, producer }) =>
  h(
    'li',
    { 'data-level': level, title: producer },
    moment(at, localTime(at).slice(5)),
    ' ',
    h('span', { class: 'level' }, level),
    ' ',
    h('span', {}, text),
  );
