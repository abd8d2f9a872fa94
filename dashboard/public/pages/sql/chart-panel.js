import { createPlot, KINDS } from '../../ui/chart.js';
import { chartData, isNumeric, isText } from '../../ui/chart-data.js';
import { h, replace } from '../../ui/dom.js';

/** The choice of a chart of a result, and the chart. @param {{ onChoose: (choice: { chart?: string, x?: string, y?: string[], by?: string | undefined }) => void }} acts */
export function createChartPanel({ onChoose }) {
  const choices = h('div', { class: 'sql-choices' });
  const plot = createPlot();
  const words = h('p', { class: 'quiet' });
  const key = h('ul', { class: 'sql-key', 'aria-label': 'Lines' });
  const root = h('figure', { class: 'chart sql-chart', hidden: true }, plot.root, key, h('figcaption', {}, words));

  const choice = (label, value, options, onchange) => {
    const select = h(
      'select',
      { class: 'control', 'aria-label': label, onchange: ({ target }) => onchange(target.value) },
      ...options.map(([one, text]) => h('option', { value: one, selected: one === value }, text)),
    );
    return h('label', { class: 'sql-choice' }, h('span', { class: 'quiet' }, label), select);
  };

  return {
    root,
    choices,
    hide() {
      replace(choices);
      root.hidden = true;
    },
    show({ columns, rows }, { chart = '', x = '', y = [], by }) {
      const numeric = columns.filter(isNumeric).map(({ name }) => name);
      const names = columns.map(({ name }) => name);
      if (rows.length === 0 || numeric.length === 0) {
        this.hide();
        return;
      }
      const across = names.includes(x) ? x : chart === 'histogram' ? numeric[0] : names[0];
      const up = y.find((one) => numeric.includes(one)) ?? numeric.find((one) => one !== across) ?? numeric[0];
      const list = (all) => all.map((one) => [one, one]);
      const isDrawn = KINDS.includes(chart);
      const data = isDrawn ? chartData({ columns, rows }, { kind: chart, x: across, y: up, by }) : undefined;
      const texts = columns.filter((one) => isText(one) && one.name !== across).map(({ name }) => name);
      replace(
        choices,
        choice('Chart', chart, [['', 'none'], ...KINDS.map((kind) => [kind, kind])], (kind) =>
          onChoose({ chart: kind, x, y, by }),
        ),
        chart !== '' &&
          choice('Across', across, list(chart === 'histogram' ? numeric : names), (to) =>
            onChoose({ chart, x: to, y, by: undefined }),
          ),
        chart !== '' &&
          chart !== 'histogram' &&
          choice('Up', up, list(numeric), (to) => onChoose({ chart, x, y: [to], by })),
        ['line', 'scatter'].includes(chart) &&
          texts.length > 0 &&
          choice('Each', data.by, [['', 'all together'], ...list(texts)], (to) => onChoose({ chart, x, y, by: to })),
      );
      root.hidden = !isDrawn;
      if (!isDrawn) return;
      words.textContent = data.words;
      const lines = data.lines.length > 1 ? data.lines.map(({ name }) => name) : [];
      replace(key, ...lines.map((name, index) => h('li', { class: `line-${index + 1}` }, name)));
      key.hidden = lines.length === 0;
      plot.show(data);
    },
    leave: () => plot.leave(),
  };
}
