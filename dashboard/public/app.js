import { createAuditView } from './audit.js';
import { createDatasetView } from './dataset.js';
import { h, replace, setText } from './dom.js';
import { createFlowView } from './flow.js';
import { count, sentence, showsUtc, showUtc } from './format.js';
import { createLetterView } from './letter.js';
import { createLettersView } from './letters.js';
import { watchFlow } from './live.js';
import { addressOf, readPlace } from './location.js';
import { createOverview } from './overview.js';
import { emptyPage, tick } from './parts.js';
import { released } from './pointer.js';
import { accountButton, askForToken, loadSession, session } from './session.js';
import { createTraceView } from './trace.js';

const byId = (id) => document.getElementById(id);
const main = byId('main');

let place = readPlace(location.pathname, location.search);
let flow; // what flows, as last heard
let history_; // the last hour
let view; // what is shown, and what it is of

const announce = (text) => setText(byId('announcer'), text);

/** Goes to another place on this page. @param {boolean} [instead] without a new entry in the browser's history */
function navigate(to, instead = false) {
  history[instead ? 'replaceState' : 'pushState'](null, '', addressOf(to));
  show();
}

/**
 * Asks who acts. What is being typed stays as it is.
 * @returns {Promise<void>} resolves when the dialog is gone, signed in or not
 */
const signIn = () => askForToken(showAccount);

/** What every view is given to work with. */
const page = { navigate, announce, signIn };

const VIEWS = {
  flow: () => createFlowView(page),
  data: ({ dataset }) => (dataset === undefined ? createOverview() : createDatasetView(dataset, page)),
  trace: () => createTraceView(page),
  letters: ({ letter }) => (letter === undefined ? createLettersView(page) : createLetterView(letter, page)),
  audit: () => createAuditView(page),
};
const TITLES = { flow: 'Flow', data: 'Data', trace: 'Trace', letters: 'Dead letters', audit: 'Audit log' };

/** Shows what the address says. */
function show() {
  place = readPlace(location.pathname, location.search);
  document.title = `${place.dataset ?? TITLES[place.at]} – Tributary`;
  for (const tab of byId('tabs').children) {
    if (tab.dataset.at === place.at) tab.setAttribute('aria-current', 'page');
    else tab.removeAttribute('aria-current');
  }
  const id = [place.at, place.dataset, place.letter].join('/');
  if (view?.id !== id) {
    view?.leave?.();
    view = undefined;
    if (!session.mayRead) return showSignIn();
    view = { id, ...VIEWS[place.at](place) };
    main.replaceChildren(view.root);
    scrollTo(0, 0);
    if (flow !== undefined) view.update?.(flow);
    if (history_ !== undefined) view.history?.(history_);
  }
  view.show?.(place);
}

function showSignIn() {
  const words = session.canSignIn
    ? 'What is shown here is not for everybody.'
    : 'Nobody may read here yet: set DASHBOARD_VIEWER_TOKEN, or DASHBOARD_READ=open, and start the dashboard again.';
  const button = h(
    'button',
    { type: 'button', class: 'control primary', onclick: () => askForToken(refreshAccount) },
    'Sign in',
  );
  main.replaceChildren(emptyPage('Sign in to look', words, session.canSignIn && button));
}

function showAccount() {
  replace(byId('account'), session.canSignIn || session.signedIn ? accountButton(refreshAccount) : '');
}

/** Somebody has signed in or out: what the page offers them may be other than before. */
function refreshAccount() {
  showAccount();
  const watches = session.mayRead;
  view?.leave?.();
  view = undefined;
  show();
  if (watches) watch();
}

let watching = false;
function watch() {
  if (watching) return;
  watching = true;
  watchFlow({
    async onFlow(to) {
      await released();
      flow = to;
      setText(byId('source'), flow.sink.where);
      const dead = flow.queues.reduce((sum, queue) => sum + (queue.dead ?? 0), 0);
      setText(byId('dead-count'), dead === 0 ? '' : count(dead));
      view?.update?.(flow);
    },
    onHistory(to) {
      history_ = to;
      view?.history?.(history_);
    },
    onState(live) {
      byId('status').dataset.state = live ? 'live' : 'broken';
      setText(byId('status'), live ? 'Live' : 'No connection, trying again');
    },
  });
}

document.addEventListener('click', (event) => {
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (link === null || !plain || link.hasAttribute('download') || link.target !== '') return;
  const href = link.href.baseVal ?? link.href;
  const to = new URL(href, location.href);
  if (to.origin !== location.origin || to.pathname.startsWith('/api') || to.hash !== '') return;
  event.preventDefault();
  history.pushState(null, '', to.href);
  show();
});

let going = false;
document.addEventListener('keydown', (event) => {
  const typing = event.target instanceof Element && event.target.closest('input, textarea, select, dialog') !== null;
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const to = going && { f: '/', d: '/data', t: '/trace', l: '/dead-letters' }[event.key];
  going = event.key === 'g';
  if (to) {
    history.pushState(null, '', to);
    show();
  } else if (event.key === '/' && view?.focusSearch !== undefined) {
    event.preventDefault();
    view.focusSearch();
  }
});

/** Times are shown as one reads them here, or in UTC as logs have them; the browser remembers which. */
function showZone(utc) {
  showUtc(utc);
  localStorage.setItem('times', utc ? 'utc' : 'local');
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  setText(byId('zone'), utc ? 'Times in UTC' : `Times in ${zone}`);
}
byId('zone').addEventListener('click', () => {
  showZone(!showsUtc());
  // What is being typed into a dead letter stays.
  if (place.letter === undefined) refreshAccount();
});
showZone(localStorage.getItem('times') === 'utc');

addEventListener('popstate', show);
setInterval(tick, 1_000);
loadSession().then(refreshAccount, (failure) => {
  main.replaceChildren(
    emptyPage('The dashboard does not answer', `${sentence(failure.message)} Load the page again in a moment.`),
  );
});
