/** A person counts as at the page for this long after they moved the pointer or pressed a key, in milliseconds. */
const AT_THE_PAGE = 60_000;
/** How often at most it is told that a person is there, in milliseconds. */
const TELL = 5 * 60_000;

let touched = Date.now();
let told = Date.now();
let tell = () => {};

export const isAttended = () => Date.now() - touched < AT_THE_PAGE;

/** @param {() => void} callback called every five minutes in which a person is at the page */
export function whileAttended(callback) {
  tell = callback;
}

function touch() {
  touched = Date.now();
  if (touched - told < TELL) return;
  told = touched;
  tell();
}

for (const kind of ['pointerdown', 'pointermove', 'keydown', 'wheel']) {
  addEventListener(kind, touch, { capture: true, passive: true });
}
