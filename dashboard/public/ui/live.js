/** A connection that is silent for so long is taken as lost, in milliseconds: what flows is sent every second. */
const SILENCE = 15_000;
const AGAIN = 3_000;

/**
 * Hears what flows, as server-sent events. It comes back by itself when the connection is lost, and rests while nobody
 * looks at the page.
 *
 * @param {{ onFlow: (flow: object) => void, onHistory: (history: object) => void, onState: (live: boolean) => void }} listener
 */
export function watchFlow({ onFlow, onHistory, onState }) {
  let source;
  let watchdog;

  function close() {
    clearTimeout(watchdog);
    source?.close();
    source = undefined;
  }

  function open() {
    close();
    source = new EventSource('/api/live');
    const heard = (take) => (event) => {
      alive();
      onState(true);
      take(JSON.parse(event.data));
    };
    source.addEventListener('flow', heard(onFlow));
    source.addEventListener('history', heard(onHistory));
    source.onerror = () => {
      onState(false);
      // The browser tries again by itself, but not after an answer that was no stream.
      if (source?.readyState === EventSource.CLOSED) setTimeout(open, AGAIN);
    };
    alive();
  }

  function alive() {
    clearTimeout(watchdog);
    watchdog = setTimeout(() => {
      onState(false);
      open();
    }, SILENCE);
  }

  document.addEventListener('visibilitychange', () => {
    if (document.hidden) close();
    else if (source === undefined) open();
  });
  if (!document.hidden) open();
}
