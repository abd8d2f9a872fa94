import { KINDS } from '../../ui/chart.js';
import { chartData, isNumeric, isText } from '../../ui/chart-data.js';
import { chartChoice as choice, createChartFigure } from '../../ui/chart-figure.js';
import { h, replace } from '../../ui/dom.js';

/** The choice of a chart of a result, and the chart. @param {{ onChoose: (choice: { chart?: string, x?: string, y?: string[], by?: string | undefined }) => void }} acts */
export function createChartPanel({ onChoose }) {
  const choices = h('div', { class: 'chart-choices' });
  const figure = createChartFigure();

  return {
    root: figure.root,
    choices,
    hide() {
      replace(choices);
      figure.hide();
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
      if (isDrawn) figure.show(data, 'The table below has the same values.');
      else figure.hide();
    },
    leave: () => figure.leave(),
  };
}
