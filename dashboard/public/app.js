import { PAGES, pageAt } from './pages/table.js';
import { h, replace, setText } from './ui/dom.js';
import { emptyPage } from './ui/empty.js';
import { sentence, showsUtc, showUtc } from './ui/format.js';
import { watchFlow } from './ui/live.js';
import { addressOf, readPlace } from './ui/location.js';
import { released } from './ui/pointer.js';
import { accountButton, askForToken, loadSession, session } from './ui/session.js';
import { createTabs, keyHints, pathForKey } from './ui/tabs.js';
import { tick } from './ui/times.js';

/** Milliseconds before the page looks again whether the dashboard is there. */
const AGAIN = 5_000;

const byId = (id) => document.getElementById(id);
const main = byId('main');
const tabs = createTabs();

/**
 * The modules of the pages, by the name of the view. The page that is opened is loaded first, and shown; then the others are loaded.
 * Otherwise a page that is opened later could fail to load, after an upgrade of the dashboard or while the network is down.
 */
const modules = new Map();

let ready = false; // whether the first page and the session are loaded
let flow; // the newest numbers
let lastHour; // the numbers of the last hour
let view; // what is shown, and the path it is for

const announce = (text) => setText(byId('announcer'), text);

/** Goes to another place. @param {boolean} [instead] replaces the entry in the browser's history */
function navigate(to, instead = false) {
  history[instead ? 'replaceState' : 'pushState'](null, '', addressOf(to));
  show();
}

/**
 * Asks for a token. The view is not made again, so what a person has typed stays.
 * @returns {Promise<void>} resolves when the dialog is closed, signed in or not
 */
const signIn = () => askForToken(showAccount);

/** What every view is given to work with. */
const app = { navigate, announce, signIn };

/**
 * Shows what the address says. A page's module makes the view:
 *
 * `createView(place, app)` gives `root`, the element, and any of: `show(place)`, called at first and whenever the query
 * changes; `update(flow)` and `history(lastHour)`, called with new numbers; `focusSearch()`, for the key `/`;
 * `leave()`, called before it is removed; `holdsInput`, true if making the view again would lose what a person typed.
 */
function show() {
  // An address that is opened while modules are still loading is shown when they are there.
  if (!ready) return;
  const { pathname, search } = location;
  const place = readPlace(pathname, search);
  const found = pageAt(pathname);
  if (found === undefined) return showNothingHere(pathname);
  const { page } = found;
  document.title = `${typeof page.title === 'string' ? page.title : page.title(place)} – Tributary`;
  tabs.show(place);
  if (view?.path !== pathname) {
    leave();
    if (!session.mayRead) return showSignIn();
    if (!modules.has(page.view)) return void loadAndShow(page.view);
    view = { path: pathname, ...modules.get(page.view).createView(place, app) };
    main.replaceChildren(view.root);
    scrollTo(0, 0);
    if (flow !== undefined) view.update?.(flow);
    if (lastHour !== undefined) view.history?.(lastHour);
  }
  view.show?.(place);
}

/** Shows the page once its module is there. A module that cannot be had is one of another version, or the dashboard is away: the page is loaded anew. */
async function loadAndShow(name) {
  main.replaceChildren();
  try {
    await load(name);
  } catch (failure) {
    main.replaceChildren(cannotLoad(failure));
    return void reloadWhenThere();
  }
  show();
}

async function reloadWhenThere() {
  const { ok } = await fetch('/healthz').catch(() => ({ ok: false }));
  if (ok) location.reload();
  else setTimeout(reloadWhenThere, AGAIN);
}

const cannotLoad = ({ message }) =>
  emptyPage('The dashboard does not answer', `${sentence(message)} The page is loaded again as soon as it can be.`);

function leave() {
  view?.leave?.();
  view = undefined;
}

function showNothingHere(path) {
  leave();
  document.title = 'No such page – Tributary';
  tabs.show({ at: undefined });
  main.replaceChildren(
    emptyPage(
      'There is no such page',
      `Nothing is at ${path.slice(0, 100)}. The tabs above lead to all there is.`,
      h('a', { href: '/' }, 'To Flow'),
    ),
  );
}

function showSignIn() {
  const words = session.canSignIn
    ? 'This dashboard can be read only with a token.'
    : 'Reading is switched off. To allow it, set DASHBOARD_VIEWER_TOKEN, or DASHBOARD_READ=open, and restart the dashboard.';
  const button = h(
    'button',
    { type: 'button', class: 'control primary', onclick: () => askForToken(refreshAccount) },
    'Sign in',
  );
  main.replaceChildren(
    emptyPage(session.canSignIn ? 'Sign in to read' : 'Reading is not allowed', words, session.canSignIn && button),
  );
}

function showAccount() {
  replace(byId('account'), session.canSignIn || session.signedIn ? accountButton(refreshAccount) : '');
}

/** Shows the view again after a person has signed in or out, because it may offer other buttons now. */
function refreshAccount() {
  showAccount();
  const watches = session.mayRead;
  leave();
  show();
  if (watches) watch();
}

let ending = false;
/**
 * Takes everything off the screen if the session has ended elsewhere: in another tab, or because nobody was at this page for an hour. What a
 * person typed is only hidden until they have signed in again.
 */
async function leaveIfEnded() {
  if (ending || !session.mayRead) return;
  ending = true;
  try {
    await loadSession();
    if (session.mayRead) return;
    // Rows that are shown in full stand over the page.
    for (const dialog of document.querySelectorAll('dialog[open]:not(:has(input[type=password]))')) dialog.close();
    if (view?.holdsInput === true) {
      main.hidden = true;
      await signIn();
      main.hidden = false;
    }
    if (session.mayRead) showAccount();
    else refreshAccount();
  } finally {
    ending = false;
  }
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
      tabs.update(flow);
      view?.update?.(flow);
    },
    onHistory(to) {
      lastHour = to;
      view?.history?.(lastHour);
    },
    onState(live) {
      byId('status').dataset.state = live ? 'live' : 'broken';
      setText(byId('status'), live ? 'Live' : 'Connection lost, reconnecting');
    },
    onRefused() {
      void leaveIfEnded().catch(() => {});
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
  const to = going ? pathForKey(event.key) : undefined;
  going = event.key === 'g';
  if (to !== undefined) {
    history.pushState(null, '', to);
    show();
  } else if (event.key === '/' && view?.focusSearch !== undefined) {
    event.preventDefault();
    view.focusSearch();
  }
});

/** Shows times in the local zone, or in UTC as logs do. The browser remembers which. */
function showZone(utc) {
  showUtc(utc);
  localStorage.setItem('times', utc ? 'utc' : 'local');
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  setText(byId('zone'), utc ? 'Times in UTC' : `Times in ${zone}`);
}
byId('zone').addEventListener('click', () => {
  showZone(!showsUtc());
  if (view?.holdsInput !== true) refreshAccount();
});

addEventListener('popstate', show);

const load = async (name) => modules.set(name, await import(`./pages/${name}.js`));

/** The page at the address, before any other. */
const loadFirst = () => load((pageAt(location.pathname)?.page ?? PAGES[0]).view);

/** One that cannot be had now is asked for again when it is opened. */
async function loadOthers() {
  for (const { view: name } of PAGES) if (!modules.has(name)) await load(name).catch(() => {});
}

/** Shows the page. @throws what keeps it from being loaded */
export async function begin() {
  replace(byId('tabs'), ...tabs.links);
  replace(byId('hints'), ...keyHints());
  showZone(localStorage.getItem('times') === 'utc');
  try {
    await Promise.all([loadFirst(), loadSession()]);
  } catch (failure) {
    main.replaceChildren(cannotLoad(failure));
    throw failure;
  }
  ready = true;
  setInterval(tick, 1_000);
  refreshAccount();
  void loadOthers();
}
