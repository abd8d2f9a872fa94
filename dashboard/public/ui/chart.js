import { axisOf } from './chart-data.js';
import { h } from './dom.js';

export const KINDS = ['line', 'bar', 'scatter', 'histogram'];
const HEIGHT = 260;
/** Of the lines of one chart, in their order; controls and legends name them by their places. */
const COLORS = ['--accent', '--second', '--bad', '--good', '--fifth', '--sixth'];
/** Characters of a label below the axis at most, and pixels that one takes, about. */
const LABEL = 24;
const CHARACTER = 6.5;

/** A chart in the colours of the page, which follows its width and whether it is dark. */
export function createPlot() {
  const root = h('div', { class: 'plot', role: 'img' });
  let chart;
  let data;
  const width = () => Math.max(200, root.clientWidth);
  const observer = new ResizeObserver(() => {
    if (chart !== undefined && Math.abs(chart.width - width()) > 1) chart.setSize({ width: width(), height: HEIGHT });
  });
  observer.observe(root);
  const scheme = matchMedia('(prefers-color-scheme: dark)');
  const redraw = () => data !== undefined && draw();
  scheme.addEventListener('change', redraw);

  function draw() {
    chart?.destroy();
    chart = new uPlot(optionsOf(data, width()), [data.xs, ...data.lines.map(({ ys }) => ys)], root);
  }

  return {
    root,
    show(next) {
      data = next;
      root.setAttribute('aria-label', next.words);
      draw();
    },
    leave() {
      observer.disconnect();
      scheme.removeEventListener('change', redraw);
      chart?.destroy();
    },
  };
}

function optionsOf({ kind, time, labels, x, y, xs, lines }, width) {
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: color('--quiet'),
    grid: { stroke: color('--line'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui',
    labelFont: '12px system-ui',
    labelSize: 18,
  };
  const isBar = kind === 'bar' || kind === 'histogram';
  const half = xs.length > 1 ? (xs.at(-1) - xs[0]) / (xs.length - 1) / 2 : 0.5;
  const named = (chart, ticks) => {
    const fits = fitting(chart, ticks);
    return ticks.map((at) => (Number.isInteger(at) ? shortened(labels[at] ?? '', fits) : ''));
  };
  const numbered = (_chart, ticks) =>
    ticks.map((tick) => (tick === null ? '' : tick.toLocaleString('en', { maximumFractionDigits: 6 })));
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
    cursor: { points: { size: 6 }, drag: { x: true, y: false } },
    scales: {
      x: {
        time,
        range: (_chart, from, to) => (isBar || from === to ? axisOf(from - half, to + half) : axisOf(from, to)),
      },
      y: { range: (_chart, from, to) => rangeOf(from, to, isBar) },
    },
    axes: [
      {
        ...axis,
        label: x,
        space: 70,
        size: time ? 38 : 24,
        ...(labels === undefined ? (time ? {} : { values: numbered }) : { values: named }),
      },
      { ...axis, label: y, size: (_chart, values) => widthOf(values), space: 34, values: numbered },
    ],
    series: [
      { label: x },
      ...lines.map(({ name }, index) => ({
        label: name,
        stroke: color(COLORS[index % COLORS.length]),
        width: 1.6,
        fill: isBar ? `color-mix(in srgb, ${color('--accent')} 45%, transparent)` : undefined,
        paths: isBar
          ? uPlot.paths.bars({ size: [kind === 'histogram' ? 1 : 0.8, 80] })
          : kind === 'scatter'
            ? () => null
            : undefined,
        points: { show: kind === 'scatter' || (kind === 'line' && xs.length < 60), size: 5 },
      })),
    ],
  };
}

/** How many characters fit between two labels. */
function fitting({ bbox, scales: { x } }, ticks) {
  const between = ticks.length < 2 ? 1 : Math.max(1, ticks[1] - ticks[0]);
  const pixels = (bbox.width / devicePixelRatio / (x.max - x.min)) * between;
  return Math.max(4, Math.min(LABEL, Math.floor(pixels / CHARACTER)));
}

const shortened = (label, most) => (label.length <= most ? label : `${label.slice(0, most - 1)}…`);

/** Pixels that the labels of an axis take. */
const widthOf = (values) => 14 + CHARACTER * Math.max(2, ...(values ?? []).map(({ length }) => length));

/** Bars begin at 0. */
function rangeOf(from, to, isBar) {
  if (from === null || to === null) return [0, 1];
  const [least, most] = isBar ? [Math.min(0, from), Math.max(0, to)] : [from, to];
  const room = (most - least || Math.abs(most) || 1) * 0.06;
  return axisOf(isBar && least === 0 ? 0 : least - room, most + room);
}
