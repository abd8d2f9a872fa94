let pressed = false;
const waiting = [];

function release() {
  pressed = false;
  for (const resolve of waiting.splice(0)) resolve();
}

addEventListener('pointerdown', () => {
  pressed = true;
});
for (const end of ['pointerup', 'pointercancel']) {
  addEventListener(end, () => {
    // The click event follows this one, and needs the element that was pressed.
    setTimeout(release);
  });
}

// The release may be told to another window, or to a menu that the press has opened.
addEventListener('pointermove', ({ buttons }) => {
  if (buttons === 0) release();
});
addEventListener('blur', release);

/** Resolves when no button is held down. An element that is replaced between press and release gets no click. */
export const released = () => (pressed ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve());
