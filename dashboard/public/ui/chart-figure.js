import { createPlot } from './chart.js';
import { h, replace } from './dom.js';

/** A chart with what its lines are, and the same in words. */
export function createChartFigure() {
  const plot = createPlot();
  const words = h('p', { class: 'quiet' });
  const key = h('ul', { class: 'line-key', 'aria-label': 'Lines' });
  const root = h('figure', { class: 'chart chart-figure', hidden: true }, plot.root, key, h('figcaption', {}, words));
  return {
    root,
    /** @param data as chart-data.js makes it @param {string} more what else there is to say of it */
    show(data, more) {
      root.hidden = false;
      words.textContent = `${data.words} ${more}`;
      const lines = data.lines.length > 1 ? data.lines.map(({ name }) => name) : [];
      replace(key, ...lines.map((name, index) => h('li', { class: `line-${index + 1}` }, name)));
      key.hidden = lines.length === 0;
      plot.show(data);
    },
    hide() {
      root.hidden = true;
    },
    leave: () => plot.leave(),
  };
}

/** One of the choices that make a chart. @param {[value: string, text: string][]} options */
export const chartChoice = (label, value, options, onchange) =>
  h(
    'label',
    { class: 'chart-choice' },
    h('span', { class: 'quiet' }, label),
    h(
      'select',
      { class: 'control', 'aria-label': label, onchange: ({ target }) => onchange(target.value) },
      ...options.map(([one, text]) => h('option', { value: one, selected: one === value }, text)),
    ),
  );
