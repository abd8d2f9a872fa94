import { get } from '../../ui/api.js';
import { h, setText } from '../../ui/dom.js';
import { count, localTime, span, speed } from '../../ui/format.js';

const HEIGHT = 96;

/** How far back the charts reach: what the button says, and how it is told. */
const SPANS = {
  hour: ['Hour', 'the last hour'],
  day: ['Day', 'the last day'],
  month: ['30 days', 'the last 30 days'],
};
/** Milliseconds after which a longer span is asked for again. */
const ASK_AGAIN = 60_000;

/** The charts: what each shows, in which of the page's colours, and how its numbers are written. */
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

/**
 * Small charts of the last hour, day or month. A stretch that is dragged over is shown larger, in all of them. They follow the colours of
 * the page, and have their numbers in words for screen readers.
 */
export function createCharts() {
  let span = 'hour';
  let asked = 0;
  let last; // what is shown
  let lastHour;
  const figures = CHARTS.map((chart) => createChart(chart, zoomAll));
  const whole = h(
    'button',
    { type: 'button', class: 'control', hidden: true, onclick: () => zoomAll() },
    'Show the whole',
  );
  const buttons = Object.entries(SPANS).map(([name, [label, words]]) =>
    h(
      'button',
      { type: 'button', 'aria-pressed': String(name === span), title: `Show ${words}`, onclick: () => choose(name) },
      label,
    ),
  );
  const told = h('span', { class: 'faint', role: 'status' });
  const charts = h('div', { class: 'charts' }, ...figures.map((figure) => figure.root));
  const root = h(
    'section',
    { 'aria-label': 'Charts' },
    h(
      'div',
      { class: 'chart-tools' },
      h('div', { class: 'views', role: 'group', 'aria-label': 'How far back' }, ...buttons),
      h('span', { class: 'faint' }, 'Drag over a chart to zoom in.'),
      whole,
      told,
    ),
    charts,
  );

  function zoomAll(from, to) {
    whole.hidden = from === undefined;
    for (const figure of figures) figure.zoom(from, to);
  }

  function show(history) {
    last = history;
    for (const figure of figures) figure.update(history, SPANS[span][1]);
  }

  function choose(name) {
    span = name;
    for (const [index, one] of Object.keys(SPANS).entries())
      buttons[index].setAttribute('aria-pressed', String(one === name));
    zoomAll();
    if (name === 'hour' && lastHour !== undefined) show(lastHour);
    setText(told, '');
    if (name !== 'hour') load();
  }

  async function load() {
    const name = span;
    asked = Date.now();
    try {
      const found = await get(`/flow/history?span=${name}`);
      if (name !== span) return;
      setText(told, found.at.length === 0 ? 'Nothing is known of it yet: the first point comes soon.' : '');
      show(found);
    } catch {
      if (name === span) setText(told, 'It cannot be had now; asked again in a minute.');
    }
  }

  const redraw = () => {
    for (const figure of figures) figure.redraw();
    if (last !== undefined) show(last);
  };
  const scheme = matchMedia('(prefers-color-scheme: dark)');
  scheme.addEventListener('change', redraw);
  const observer = new ResizeObserver(() => {
    for (const figure of figures) figure.resize();
  });
  observer.observe(charts);
  return {
    root,
    update(history) {
      lastHour = history;
      if (span === 'hour') show(history);
      else if (Date.now() - asked > ASK_AGAIN) load();
    },
    leave() {
      observer.disconnect();
      scheme.removeEventListener('change', redraw);
    },
  };
}

/** A tick of the axis of time, as short as the stretch that is shown allows. @param {number} seconds of that stretch */
function tickOf(at, seconds) {
  const text = localTime(at * 1000);
  if (seconds < 600) return text.slice(11);
  return seconds < 129_600 ? text.slice(11, 16) : text.slice(5, 10);
}

function createChart({ title, unit, series, read }, onZoom) {
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
  let zoomed; // the first and the last second that are shown, if not all are

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
        cursor: { y: false, points: { size: 5 }, drag: { x: true, y: false, setScale: false } },
        scales: { y: { range: (_chart, _least, most) => [0, Math.max(1, most * 1.1)] } },
        axes: [
          {
            ...quiet,
            size: 20,
            grid: { show: false },
            space: 50,
            values: ({ scales: { x } }, ticks) => ticks.map((at) => tickOf(at, x.max - x.min)),
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
        hooks: {
          setCursor: [({ cursor }) => tell(cursor.idx)],
          setSelect: [
            (made) => {
              const { left, width: wide } = made.select;
              // A click is no stretch.
              if (wide < 4) return;
              onZoom(made.posToVal(left, 'x'), made.posToVal(left + wide, 'x'));
              made.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
            },
          ],
        },
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
    zoom(from, to) {
      zoomed = from === undefined ? undefined : { min: from, max: to };
      if (chart === undefined) return;
      if (zoomed === undefined) chart.setData(data);
      else chart.setScale('x', zoomed);
    },
    update({ at, series: all }, span) {
      data = [at, ...series.map(([name]) => all[name])];
      if (chart === undefined) make();
      else chart.setData(data, zoomed === undefined);
      if (zoomed !== undefined) chart.setScale('x', zoomed);
      tell(chart.cursor.idx);
      const most = Math.max(
        0,
        ...data
          .slice(1)
          .flat()
          .map((one) => one ?? 0),
      );
      plot.setAttribute('aria-label', `${title} in ${span}: now ${value.textContent}, at most ${read(most)}`);
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
