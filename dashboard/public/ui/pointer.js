let pressed = false;
const waiting = [];

addEventListener('pointerdown', () => {
  pressed = true;
});
for (const end of ['pointerup', 'pointercancel']) {
  addEventListener(end, () => {
    // The click event follows this one, and needs the element that was pressed.
    setTimeout(() => {
      pressed = false;
      for (const resolve of waiting.splice(0)) resolve();
    });
  });
}

/** Resolves when no button is held down. An element that is replaced between press and release gets no click. */
export const released = () => (pressed ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve());
