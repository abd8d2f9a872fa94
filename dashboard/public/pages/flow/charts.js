import { h, setText } from '../../ui/dom.js';
import { count, localTime, span, speed } from '../../ui/format.js';

const HEIGHT = 96;

/** The charts of the last hour: what each shows, in which of the page's colours, and how its numbers are written. */
const CHARTS = [
  {
    title: 'Written',
    unit: 'rows/s',
    series: [['written', '--accent', 'rows written per second']],
    read: (value) => `${speed(value)}/s`,
  },
  {
    title: 'Records checked',
    unit: 'per second',
    series: [
      ['accepted', '--accent', 'new'],
      ['duplicate', '--second', 'duplicates'],
      ['dead', '--bad', 'dead letters'],
    ],
    read: (value) => `${speed(value)}/s`,
  },
  {
    title: 'Waiting',
    unit: 'records',
    series: [
      ['backlog', '--second', 'in the queues'],
      ['unacked', '--accent', 'in flight'],
    ],
    read: count,
  },
  {
    title: 'Newest row',
    unit: 'age',
    series: [['freshness', '--accent', 'age of the newest row']],
    read: (value) => span(value).join(' '),
  },
];

/** Small charts of the last hour. They follow the colours of the page, and have their numbers in words for screen readers. */
export function createCharts() {
  const figures = CHARTS.map(createChart);
  const root = h('div', { class: 'charts' }, ...figures.map((figure) => figure.root));
  let last;
  const redraw = () => {
    for (const figure of figures) figure.redraw();
    if (last !== undefined) for (const figure of figures) figure.update(last);
  };
  const scheme = matchMedia('(prefers-color-scheme: dark)');
  scheme.addEventListener('change', redraw);
  const observer = new ResizeObserver(() => {
    for (const figure of figures) figure.resize();
  });
  observer.observe(root);
  return {
    root,
    update(history) {
      last = history;
      for (const figure of figures) figure.update(history);
    },
    leave() {
      observer.disconnect();
      scheme.removeEventListener('change', redraw);
    },
  };
}

function createChart({ title, unit, series, read }) {
  const value = h('span', { class: 'chart-value' }, '–');
  const plot = h('div', { class: 'plot', role: 'img', 'aria-label': title });
  const key =
    series.length > 1 &&
    h('ul', { class: 'key-list' }, ...series.map(([name, , words]) => h('li', { class: `key-${name}` }, words)));
  const root = h(
    'figure',
    { class: 'chart' },
    h('figcaption', {}, h('h2', {}, title, ' ', h('small', {}, unit)), value),
    plot,
    key,
  );
  let chart;
  let data;

  const width = () => Math.max(120, plot.clientWidth);

  function make() {
    const style = getComputedStyle(document.documentElement);
    const color = (name) => style.getPropertyValue(name).trim();
    const quiet = {
      stroke: color('--faint'),
      grid: { stroke: color('--line'), width: 1 },
      ticks: { show: false },
      font: '11px system-ui',
    };
    chart = new uPlot(
      {
        width: width(),
        height: HEIGHT,
        legend: { show: false },
        cursor: { y: false, points: { size: 5 }, drag: { x: false, y: false } },
        scales: { y: { range: (_chart, _least, most) => [0, Math.max(1, most * 1.1)] } },
        axes: [
          {
            ...quiet,
            size: 20,
            grid: { show: false },
            space: 70,
            values: (_chart, ticks) => ticks.map((at) => localTime(at * 1000).slice(11, 16)),
          },
          {
            ...quiet,
            size: 42,
            space: 30,
            values: (_chart, ticks) => ticks.map((tick) => (tick >= 1000 ? `${tick / 1000}k` : String(tick))),
          },
        ],
        series: [
          {},
          ...series.map(([, name], index) => ({
            stroke: color(name),
            width: 1.6,
            points: { show: false },
            ...(index === 0 ? { fill: `color-mix(in srgb, ${color(name)} 12%, transparent)` } : {}),
          })),
        ],
        hooks: { setCursor: [({ cursor }) => tell(cursor.idx)] },
      },
      data,
      plot,
    );
  }

  /** Shows the value under the pointer, or the newest one. */
  function tell(index) {
    const at = index ?? data[0].length - 1;
    const values = series.map((_one, place) => data[place + 1][at]);
    const when = index === null || index === undefined ? '' : `${localTime(data[0][at] * 1000).slice(11)}  `;
    setText(value, at < 0 ? '–' : when + values.map((one) => (one === null ? '–' : read(one))).join(' · '));
  }

  return {
    root,
    update({ at, series: all }) {
      data = [at, ...series.map(([name]) => all[name])];
      if (chart === undefined) make();
      else chart.setData(data);
      tell(chart.cursor.idx);
      const most = Math.max(
        0,
        ...data
          .slice(1)
          .flat()
          .map((one) => one ?? 0),
      );
      plot.setAttribute('aria-label', `${title} in the last hour: now ${value.textContent}, at most ${read(most)}`);
    },
    resize() {
      if (chart !== undefined && Math.abs(chart.width - width()) > 1) chart.setSize({ width: width(), height: HEIGHT });
    },
    redraw() {
      chart?.destroy();
      chart = undefined;
    },
  };
}
