import { PAGES, sectionOf } from '../pages/table.js';
import { h, setText } from './dom.js';
import { count } from './format.js';

const WITH_TAB = PAGES.filter(({ tab }) => tab !== undefined);

/** The path that a key leads to after a `g`. @param {string} key */
export const pathForKey = (key) => PAGES.find((page) => page.key === key)?.path;

/** Makes the tabs from the table of pages. */
export function createTabs() {
  const tabs = WITH_TAB.map((page) => {
    const alarm = page.alarm !== undefined && h('span', { class: 'figure alarm' });
    return { page, alarm, link: h('a', { href: page.path }, page.tab, alarm) };
  });
  return {
    links: tabs.map(({ link }) => link),
    show(place) {
      const open = PAGES.find((page) => sectionOf(page) === place.at)?.within ?? place.at;
      for (const { page, link } of tabs) {
        if (sectionOf(page) === open) {
          link.setAttribute('aria-current', 'page');
          bringIntoView(link);
        } else link.removeAttribute('aria-current');
      }
    },
    update(flow) {
      for (const { page, alarm } of tabs) {
        if (alarm === false) continue;
        const number = page.alarm(flow);
        setText(alarm, number === 0 ? '' : count(number));
      }
    },
  };
}

/** On a phone, not all tabs fit: the one that is open stands in the middle. */
function bringIntoView(link) {
  const list = link.parentElement;
  if (list === null) return;
  const [own, around] = [link, list].map((element) => element.getBoundingClientRect());
  list.scrollLeft += own.left + own.width / 2 - (around.left + around.width / 2);
}

/** The keyboard shortcuts, for the foot of the page. */
export const keyHints = () => [
  ...WITH_TAB.map(({ key, tab }) => h('span', {}, h('kbd', {}, 'g'), ' ', h('kbd', {}, key), ` ${tab.toLowerCase()}`)),
  h('span', {}, h('kbd', {}, '/'), ' search'),
];
