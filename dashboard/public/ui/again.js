/** Milliseconds after which a page asks again: for what the network lost, and for what the dashboard was too busy for. */
const LOST = 2_000;
const BUSY = 10_000;

/** Whether what failed may succeed without anything being changed: no answer at all, too many requests, a server that is away. */
const passes = ({ status }) => status === 0 || status === 429 || status === 503;

/**
 * Asks again for what could not be had, as often as {@link look} is called: with each event of the live numbers. A person who
 * does not sit at the page would find the failure of one moment there hours later.
 *
 * @param {() => void} load
 */
export function createAgain(load) {
  let due = Number.POSITIVE_INFINITY;
  return {
    /** @param {{ status: number }} failure what is shown in the place of data */
    failed(failure) {
      due = passes(failure) ? Date.now() + (failure.status === 0 ? LOST : BUSY) : Number.POSITIVE_INFINITY;
    },
    /** Something is shown, or asked for. */
    done() {
      due = Number.POSITIVE_INFINITY;
    },
    look() {
      if (Date.now() < due) return;
      due = Number.POSITIVE_INFINITY;
      load();
    },
  };
}
