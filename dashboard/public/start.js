/** How often in a row the page is loaded again by itself. */
const MOST = 10;
/** Milliseconds before the page is loaded again: at first, and at most. */
const SOON = 500;
const LATE = 5_000;
const RELOADS = 'reloads';

/**
 * Loads the page's program. A network that changes (a laptop that wakes, a container that starts on this machine) makes a browser
 * give up all that it is fetching, and a module that could not be fetched stays so until the page is loaded again: without this
 * the page would say "Connecting" for ever. This file is the first that is fetched, so that it is hardly ever among those.
 */
async function start() {
  if (document.readyState === 'loading') await once('DOMContentLoaded');
  try {
    const { begin } = await import('/app.js');
    await begin();
    if (document.readyState !== 'complete') await once('load');
    if (isIncomplete()) throw new Error('A part of it could not be fetched.');
    sessionStorage.removeItem(RELOADS);
  } catch (failure) {
    const before = Number(sessionStorage.getItem(RELOADS) ?? 0);
    if (before >= MOST) return tell(failure);
    sessionStorage.setItem(RELOADS, String(before + 1));
    setTimeout(reloadWhenThere, Math.min(LATE, SOON * 2 ** before));
  }
}

const once = (event) => new Promise((resolve) => addEventListener(event, resolve, { once: true }));

/** Without its style (a sheet that could not be fetched has no rules, or is none), or without what draws the charts. */
const isIncomplete = () =>
  window.uPlot === undefined ||
  [...document.querySelectorAll('link[rel=stylesheet]')].some(({ sheet }) => (sheet?.cssRules.length ?? 0) === 0);

/** A page that is loaded again while the dashboard is away would be the browser's own page of errors. */
async function reloadWhenThere() {
  const isThere = await fetch('/healthz').then(
    ({ ok }) => ok,
    () => false,
  );
  if (isThere) location.reload();
  else setTimeout(reloadWhenThere, LATE);
}

function tell({ message }) {
  sessionStorage.removeItem(RELOADS);
  document.getElementById('status').textContent = `The page cannot be loaded: ${message} Load it again in a moment.`;
}

start();
