import { svg } from '../../ui/dom.js';

/** Below this width, in pixels, the stages are one below the other. */
const NARROW = 900;

/**
 * The lines between the parts of the path. They are wider the more flows in them, and move while something flows.
 *
 * @param {HTMLElement} around the element that the picture is in
 */
export function createRivers(around) {
  const root = svg('svg', { class: 'rivers', 'aria-hidden': 'true' });
  let stages = [];
  let streams = [];
  const draw = () => place(root, around, stages, streams);
  const observer = new ResizeObserver(draw);
  observer.observe(around);

  return {
    root,
    /** @param {{ from: Element, to: Element, rate: (flow: object) => number }[]} edges */
    between(columns, edges) {
      stages = columns;
      streams = edges
        .filter(({ from, to }) => from && to)
        .map((edge) => ({ ...edge, bed: svg('path', { class: 'bed' }), water: svg('path', { class: 'water' }) }));
      root.replaceChildren(...streams.flatMap(({ bed, water }) => [bed, water]));
      requestAnimationFrame(draw);
    },
    update(flow) {
      for (const { rate, bed, water } of streams) {
        const now = rate(flow);
        const width = Math.min(9, 2 + Math.log2(1 + now) * 1.3);
        bed.style.strokeWidth = `${width}px`;
        water.style.strokeWidth = `${Math.max(1.5, width * 0.5)}px`;
        water.classList.toggle('still', now < 0.01);
        water.style.animationDuration = `${Math.max(0.5, 3 - Math.log2(1 + now) * 0.35).toFixed(1)}s`;
      }
    },
    leave: () => observer.disconnect(),
  };
}

function place(root, around, stages, streams) {
  const frame = around.getBoundingClientRect();
  root.setAttribute('viewBox', `0 0 ${frame.width} ${frame.height}`);
  const narrow = frame.width < NARROW;
  for (const { from, to, bed, water } of streams) {
    const line = narrow ? down(from, to, stages, frame) : across(from, to, frame);
    bed.setAttribute('d', line);
    water.setAttribute('d', line);
  }
}

/** A line from the right side of one part to the left side of the next. */
function across(from, to, frame) {
  const a = from.getBoundingClientRect();
  const b = to.getBoundingClientRect();
  const [x1, y1] = [a.right - frame.left, a.top + a.height / 2 - frame.top];
  const [x2, y2] = [b.left - frame.left, b.top + b.height / 2 - frame.top];
  const bend = (x2 - x1) / 2;
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}

/** On a phone there is one line per stage, from its bottom to the top of the next stage. */
function down(from, to, stages, frame) {
  const a = stages.find((stage) => stage.contains(from))?.lastElementChild.getBoundingClientRect();
  const b = stages.find((stage) => stage.contains(to))?.getBoundingClientRect();
  if (!a || !b) return '';
  const x = frame.width / 2;
  return `M${x} ${a.bottom - frame.top}L${x} ${b.top - frame.top}`;
}
