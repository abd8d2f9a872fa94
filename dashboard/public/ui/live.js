/** A connection that is silent for this long counts as lost, in milliseconds. The server sends every second. */
const SILENCE = 15_000;
const AGAIN = 3_000;

/**
 * Receives the live numbers as server-sent events. It reconnects when the connection is lost, and disconnects while the
 * page is hidden.
 *
 * @param {{
 *   onFlow: (flow: object) => void, onHistory: (history: object) => void, onState: (live: boolean) => void, onRefused: () => void,
 * }} listener `onRefused` is called after an answer that is no stream, as after the session has ended
 */
export function watchFlow({ onFlow, onHistory, onState, onRefused }) {
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
      // The browser reconnects by itself, but not after an answer that is not an event stream.
      if (source?.readyState !== EventSource.CLOSED) return;
      setTimeout(open, AGAIN);
      onRefused();
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
