import { h } from '../../ui/dom.js';
import { addressOf } from '../../ui/location.js';

/** More alerts than this are counted. */
const MOST = 6;

/** A line for each alert that fires, with a link to what it is about; silenced ones come last, and quietly. */
export function createFiring() {
  const list = h('ul', { class: 'firing', 'aria-label': 'Alerts' });
  let shown = '[]';
  return {
    root: list,
    update(alerts) {
      const now = JSON.stringify(alerts);
      if (now === shown) return;
      shown = now;
      const loud = [...alerts].sort((a, b) => Number(a.silenced) - Number(b.silenced));
      const rest = loud.length - MOST;
      list.replaceChildren(
        ...loud
          .slice(0, MOST)
          .map(({ words, path, silenced, rule }) =>
            h(
              'li',
              { class: silenced && 'quiet' },
              h('a', { href: path }, words),
              ` ${silenced ? 'silenced, ' : ''}${rule}`,
            ),
          ),
        ...(loud.length === 0
          ? []
          : [
              h(
                'li',
                {},
                h('a', { href: addressOf({ at: 'alerts' }) }, rest > 0 ? `and ${rest} more alerts` : 'All alerts'),
              ),
            ]),
      );
    },
  };
}
