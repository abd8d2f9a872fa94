import { createDatasetView } from './dataset.js';
import { h, replace, setText } from './dom.js';
import { count, sentence } from './format.js';
import { watchDatasets } from './live.js';
import { addressOf, readPlace } from './location.js';
import { overview } from './overview.js';
import { emptyPage, tick } from './parts.js';
import { released } from './pointer.js';

const byId = (id) => document.getElementById(id);
const main = byId('main');

let place = readPlace(location.search);
let answer; // the last list of datasets
let view; // of the dataset that is shown

const announce = (text) => setText(byId('announcer'), text);

/** Goes to another place on this page. @param replace without a new entry in the browser's history */
function navigate(to, replace = false) {
  history[replace ? 'replaceState' : 'pushState'](null, '', addressOf(to));
  show();
}

/** Shows what the address says. */
function show() {
  place = readPlace(location.search);
  document.title = place.dataset === undefined ? 'Tributary' : `${place.dataset} – Tributary`;
  if (place.dataset !== view?.name) {
    view?.leave();
    view = undefined;
    main.replaceChildren();
  }
  if (answer !== undefined) render();
  view?.show(place);
}

/** Brings the page up to date with the last answer. */
function render() {
  showTabs();
  if (place.dataset === undefined) {
    replace(main, overview(answer.datasets));
    return;
  }
  const summary = answer.datasets.find((dataset) => dataset.name === place.dataset);
  if (summary === undefined) {
    const all = h('a', { href: '/' }, 'See all datasets');
    main.replaceChildren(
      emptyPage(`There is no dataset “${place.dataset}”`, 'This pipeline does not write one of that name.', all),
    );
    return;
  }
  if (view === undefined) {
    view = createDatasetView(summary.name, { navigate, announce });
    main.replaceChildren(view.root);
    view.update(summary);
    view.show(place);
  } else view.update(summary);
}

/** The tabs are made once and then kept: they may be scrolled, on a phone. */
function showTabs() {
  const tabs = byId('tabs');
  const entries = [
    { label: 'All' },
    ...answer.datasets.map(({ name, keys }) => ({ name, label: name, figure: count(keys) })),
  ];
  if (tabs.childElementCount !== entries.length) {
    const tab = ({ name, label }) =>
      h('a', { href: addressOf({ dataset: name }) }, label, h('span', { class: 'figure' }));
    tabs.replaceChildren(...entries.map(tab));
  }
  for (const [index, { name, figure }] of entries.entries()) {
    const tab = tabs.children[index];
    setText(tab.querySelector('.figure'), figure ?? '');
    if (name !== place.dataset) tab.removeAttribute('aria-current');
    else if (!tab.hasAttribute('aria-current')) {
      tab.setAttribute('aria-current', 'page');
      tab.scrollIntoView({ block: 'nearest', inline: 'center' });
    }
  }
}

function status(state, text) {
  byId('status').dataset.state = state;
  setText(byId('status'), text);
}

watchDatasets(
  async (to) => {
    await released();
    answer = to;
    status('live', 'Live');
    setText(byId('source'), `${to.sink} · ${to.instance}`);
    render();
  },
  (failure, wait) => {
    if (failure.status === 501) {
      status('off', 'No reader');
      main.replaceChildren(emptyPage('Nothing to show for this sink', sentence(failure.message)));
      return;
    }
    status('broken', `No connection, trying again in ${Math.round(wait / 1000)} s`);
    if (answer === undefined)
      main.replaceChildren(
        emptyPage('The dashboard does not answer', `${sentence(failure.message)} This page goes on trying.`),
      );
  },
);

document.addEventListener('click', (event) => {
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (link === null || !plain || link.hasAttribute('download') || link.target !== '') return;
  if (link.origin !== location.origin || link.pathname !== '/' || link.hash !== '') return;
  event.preventDefault();
  history.pushState(null, '', link.href);
  show();
});

document.addEventListener('keydown', (event) => {
  const typing = event.target instanceof HTMLInputElement;
  if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey || view === undefined) return;
  event.preventDefault();
  view.focusSearch();
});

addEventListener('popstate', show);
setInterval(tick, 1_000);
