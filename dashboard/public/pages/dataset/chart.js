import { datasetPath, get, selectionQuery } from '../../ui/api.js';
import { KINDS } from '../../ui/chart.js';
import { chartData, countedHistogram, isNumeric, isText, isTime, middleOf } from '../../ui/chart-data.js';
import { chartChoice, createChartFigure } from '../../ui/chart-figure.js';
import { h, replace } from '../../ui/dom.js';
import { count, plural, sentence } from '../../ui/format.js';

/** While rows arrive, a chart is made again after this many milliseconds. */
const DRAW_AGAIN = 10_000;
/** What takes longer than this many milliseconds shows a progress line. */
const NOTICEABLE = 150;

const HOWS = ['average', 'sum', 'least', 'most'];
/** Types whose values are too long, or too seldom the same, to be told apart by. */
const NOT_TOLD_APART = new Set(['json', 'list']);

/** A place with no chart. */
export const NO_CHART = { chart: '', x: '', y: [], how: '', by: undefined };

/**
 * A chart of all rows that are selected, which the server puts together.
 *
 * @param {(choice: { chart?: string, x?: string, y?: string[], how?: string, by?: string | undefined }) => void} onChoose
 */
export function createChart(name, onChoose) {
  let asked; // what the chart is of, and when it was asked for
  let loading;
  const figure = createChartFigure();
  const choices = h('div', { class: 'chart-choices' });
  const trouble = h('p', { class: 'quiet', hidden: true });
  const root = h(
    'section',
    { class: 'dataset-chart', 'aria-label': `Chart of ${name}`, hidden: true },
    choices,
    trouble,
    figure.root,
  );

  function tell(words) {
    trouble.textContent = words;
    trouble.hidden = false;
    figure.hide();
  }

  async function load(query, choice) {
    loading?.abort();
    const mine = new AbortController();
    loading = mine;
    const slow = setTimeout(() => root.setAttribute('aria-busy', 'true'), NOTICEABLE);
    try {
      const found = await get(`${datasetPath(name)}/chart?${query}`, mine.signal);
      if (mine.signal.aborted) return;
      if (found.rows.length === 0) return tell(noneOf(found));
      trouble.hidden = true;
      figure.show(...drawnOf(found, choice));
    } catch (failure) {
      if (!mine.signal.aborted) tell(sentence(failure.message));
    } finally {
      clearTimeout(slow);
      if (loading === mine) root.removeAttribute('aria-busy');
    }
  }

  function hide() {
    loading?.abort();
    asked = undefined;
    root.hidden = true;
    figure.hide();
  }

  return {
    root,
    hide,
    leave() {
      hide();
      figure.leave();
    },
    /** @param page the rows that are shown, which know the columns and the revision @param {string} key the column of the key */
    show(place, { columns, revision }, key) {
      if (!KINDS.includes(place.chart)) return hide();
      const offered = offeredOf(columns, key);
      const choice = choiceOf(place, offered);
      root.hidden = false;
      replace(choices, ...choicesOf(choice, offered, onChoose));
      if (choice.x === undefined || choice.y === undefined) {
        hide();
        root.hidden = false;
        return tell(`There is no column that a ${choice.chart} could be made of.`);
      }
      const query = selectionQuery({ ...place, sort: '' });
      for (const [parameter, value] of Object.entries(choice)) query.set(parameter, value);
      const address = query.toString();
      const isSame = asked?.address === address;
      if (isSame && (asked.revision === revision || Date.now() - asked.at < DRAW_AGAIN)) return;
      asked = { address, revision, at: Date.now() };
      load(address, choice);
    },
  };
}

/** The columns that each choice offers. */
function offeredOf(columns, key) {
  const own = columns.filter(({ system }) => !system);
  const namesOf = (some) => some.map(({ name }) => name);
  const written = columns.filter(({ name }) => name === '_written_at');
  const numbers = namesOf(own.filter(isNumeric));
  const across = namesOf([...own.filter(isTime), ...written, ...own.filter(isNumeric)]);
  const apart = namesOf(own.filter((one) => isText(one) && one.name !== key && !NOT_TOLD_APART.has(one.type)));
  return {
    numbers,
    apart,
    x: {
      line: across,
      scatter: across,
      histogram: [...numbers, ...across.filter((one) => !numbers.includes(one))],
      bar: [...across, ...apart],
    },
  };
}

/** What the address says, with what it leaves out; a column that is not there is the server's to refuse. */
function choiceOf({ chart, x, y: [y = ''], how, by = '' }, { numbers, x: across }) {
  const needsY = chart === 'scatter';
  const chosenX = x || across[chart][0];
  return {
    chart,
    x: chosenX,
    y: chart === 'histogram' ? '' : y || (needsY ? (numbers.find((one) => one !== chosenX) ?? numbers[0]) : ''),
    how: HOWS.includes(how) ? how : 'average',
    by: chart === 'line' || chart === 'scatter' ? by : '',
  };
}

function choicesOf({ chart, x, y = '', how, by }, { numbers, apart, x: across }, onChoose) {
  const list = (names, now) =>
    (now === undefined || now === '' || names.includes(now) ? names : [now, ...names]).map((one) => [one, one]);
  const now = { chart, x, y: y === '' ? [] : [y], how, by: by || undefined };
  const choose = (change) => onChoose({ ...now, ...change });
  // What another kind cannot show is left to its own choice.
  const toKind = (kind) => choose({ chart: kind, x: across[kind].includes(x) ? x : '' });
  return [
    chartChoice(
      'Chart',
      chart,
      KINDS.map((kind) => [kind, kind]),
      toKind,
    ),
    chartChoice('Across', x, list(across[chart], x), (to) => choose({ x: to })),
    chart !== 'histogram' &&
      chartChoice('Up', y, [...(chart === 'scatter' ? [] : [['', 'how many rows']]), ...list(numbers, y)], (to) =>
        choose({ y: to === '' ? [] : [to] }),
      ),
    y !== '' &&
      (chart === 'line' || chart === 'bar') &&
      chartChoice('As', how, list(HOWS), (to) => choose({ how: to })),
    (chart === 'line' || chart === 'scatter') &&
      apart.length > 0 &&
      chartChoice('Each', by, [['', 'all together'], ...list(apart, by)], (to) => choose({ by: to || undefined })),
  ].filter(Boolean);
}

/** The chart of an answer, and what has to be said of it. */
function drawnOf(found, { chart, y, how, by }) {
  const { columns, rows, step } = found;
  const more = wordsOf(found, chart);
  if (chart === 'histogram') return [countedHistogram(found), more];
  const [x, up] = [columns[0].name, chart === 'scatter' || y === '' ? columns.at(-1).name : `${how} of ${y}`];
  const named = columns.with(-1, { ...columns.at(-1), name: up });
  const place = (value) =>
    isText(columns[0]) ? (value ?? '–') : chart === 'bar' ? middleOf(value, step, columns[0].type) : value;
  const shown = rows.map((row) => row.with(0, place(row[0])));
  return [chartData({ columns: named, rows: shown }, { kind: chart, x, y: up, by }), more];
}

function wordsOf({ total, drawn, step, left, rows, columns }, chart) {
  const isSome = chart === 'scatter' && rows.length < drawn;
  return [
    step !== null && `In steps of ${stepWords(step, columns[0])}, of ${plural(drawn, 'row')}.`,
    step === null &&
      `Of ${plural(drawn, 'row')}${isSome ? `, of which ${count(rows.length)} are picked by chance, each time the same` : ''}.`,
    total > drawn &&
      `${plural(total - drawn, 'other')} of the selection ${total - drawn === 1 ? 'has' : 'have'} no value that can be drawn.`,
    left > 0 && `${plural(left, 'value')} that fewer rows have ${left === 1 ? 'is' : 'are'} left out.`,
  ]
    .filter(Boolean)
    .join(' ');
}

const SPANS = [
  [86_400_000, 'day'],
  [3_600_000, 'hour'],
  [60_000, 'minute'],
  [1_000, 'second'],
  [1, 'millisecond'],
];

function stepWords(step, column) {
  if (!isTime(column)) return step.toLocaleString('en', { maximumSignificantDigits: 6 });
  const [length, word] = SPANS.find(([one]) => step % one === 0) ?? SPANS.at(-1);
  return plural(step / length, word);
}

const noneOf = ({ total }) =>
  total === 0
    ? 'No row is selected: there is nothing to draw.'
    : `None of ${plural(total, 'row')} has a value that can be drawn.`;
