let pressed = false;
const waiting = [];

addEventListener('pointerdown', () => {
  pressed = true;
});
for (const end of ['pointerup', 'pointercancel']) {
  addEventListener(end, () => {
    // The click comes after this event, and needs what was pressed still to be there.
    setTimeout(() => {
      pressed = false;
      for (const resolve of waiting.splice(0)) resolve();
    });
  });
}

/** Resolves when no button is held down: what is replaced between press and release never hears of its click. */
export const released = () => (pressed ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve());
