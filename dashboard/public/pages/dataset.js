import { createAgain } from '../ui/again.js';
import { datasetPath, get, selectionQuery } from '../ui/api.js';
import { h, replace, setText } from '../ui/dom.js';
import { emptyState } from '../ui/empty.js';
import { bytes, count, plural, sentence } from '../ui/format.js';
import { addressOf } from '../ui/location.js';
import { released } from '../ui/pointer.js';
import { activity, asOfIn, kindOf, notices, tellAsOf } from '../ui/summary.js';
import { since } from '../ui/times.js';
import { createChart, NO_CHART } from './dataset/chart.js';
import { chooseColumns } from './dataset/choose.js';
import { createFilters } from './dataset/filters.js';
import { createJump } from './dataset/jump.js';
import { noRows, pager } from './dataset/pager.js';
import { openParts } from './dataset/part-list.js';
import { openDetail } from './dataset/row.js';
import { choiceOf, placePinned, table } from './dataset/table.js';
import { createTools } from './dataset/tools.js';

/** A refresh that takes longer than this many milliseconds shows a progress line. */
const NOTICEABLE = 150;

/**
 * One dataset: its numbers, the tools above the table, one page of rows.
 *
 * @param {{ navigate: (place: object, replace?: boolean) => void, announce: (text: string) => void }} app
 */
export function createView({ dataset: name }, { navigate, announce }) {
  let place; // what the address says
  let summary; // the numbers of the dataset
  let asOf; // of an aggregate, the time whose rows its groups are made of
  let shown; // the page of rows in the table, and its address
  let loading; // the request that is running
  let live = true;
  let wanted; // the number of the row to go to
  let shownNumbers = ''; // the numbers that are shown

  const kind = h('span', { class: 'kind' });
  const stats = h('div', { class: 'stats' });
  const messages = h('div', { class: 'messages' });
  const rows = h('div', { class: 'rows', tabindex: '0', role: 'region', 'aria-label': `Rows of ${name}` });
  const pages = h('div', { class: 'positions' });
  const jump = createJump({
    onPage: (page) => navigate({ ...place, page }),
    onRow(row) {
      wanted = row;
      navigate({ ...place, page: Math.ceil(row / place.size) });
    },
    onSize: (size) => navigate({ ...place, size, page: Math.floor(((place.page - 1) * place.size) / size) + 1 }),
  });
  const tools = createTools(name, {
    onSearch(search) {
      // One search makes one entry in the browser's history, however many letters are typed.
      if (search !== place.search) navigate({ ...place, search, page: 1 }, place.search !== '');
    },
    onLive(on) {
      live = on;
      if (!on) return;
      rows.scrollTo(0, 0);
      if (place.page > 1) navigate({ ...place, page: 1 });
      else load(true);
    },
    onColumns: () =>
      shown && chooseColumns(choiceOf(shown.page, options()), (choice) => navigate({ ...place, ...choice })),
    onDown: () => rows.querySelector('button')?.focus(),
  });
  const again = createAgain(() => load(true));
  const filters = createFilters(navigate, () => load(true));
  const chart = createChart(name, (choice) => navigate({ ...place, ...choice }, true));
  const heading = h('div', { class: 'heading' }, h('h1', { id: 'title' }, name, kind), stats);
  const root = h(
    'section',
    { class: 'dataset', 'aria-labelledby': 'title' },
    heading,
    messages,
    tools.root,
    filters.root,
    chart.root,
    rows,
    h('nav', { class: 'pager', 'aria-label': 'Pages' }, pages, jump.root),
  );
  const options = () => ({ dataset: name, key: summary?.key ?? '_key', all: place.all, place });

  function showSummary() {
    const now = JSON.stringify([summary.revision, summary.indexing, summary.problems, summary.bytes, asOf]);
    if (now === shownNumbers) return;
    shownNumbers = now;
    const figures = [
      ['Rows', count(summary.keys)],
      ['Versions', count(summary.rows)],
      ['Size', bytes(summary.bytes)],
      [
        'Parts',
        summary.parts === 0
          ? '0'
          : h('button', { type: 'button', class: 'link', onclick: () => openParts(name) }, count(summary.parts)),
      ],
      ['Columns', h('a', { href: addressOf({ at: 'schema', dataset: name }) }, 'What they hold')],
      ['Last written', since(summary.lastWrittenAt)],
      ...(asOf === undefined ? [] : [['As of', tellAsOf(asOf)]]),
    ];
    const list = figures.map(([term, figure]) => h('div', {}, h('dt', {}, term), h('dd', {}, figure)));
    setText(kind, kindOf(summary));
    stats.replaceChildren(h('dl', {}, ...list), activity(summary.activity));
    messages.replaceChildren(...notices(summary));
  }

  /**
   * Fetches the page of rows; with facets only for a refresh: to count them may take long, and rows that a person has asked for
   * are shown at once.
   * @param quiet for a refresh: it is not announced, and a lost connection is not shown
   */
  async function load(quiet = false) {
    loading?.abort();
    const mine = new AbortController();
    loading = mine;
    const address = tableAddress(place);
    const query = rowsQuery(place);
    const withFacets = quiet && filters.wantsFacets();
    if (withFacets) {
      query.set('facets', 'true');
      filters.askedFor(place);
    }
    const slow = setTimeout(() => rows.setAttribute('aria-busy', 'true'), NOTICEABLE);
    try {
      const page = await get(`${datasetPath(name)}/rows?${query}`, mine.signal);
      await released();
      if (mine.signal.aborted) return;
      showRows(page, address);
      if (withFacets) filters.showFacets(page.facets);
      if (!quiet && (place.search !== '' || place.where.length > 0)) announce(`${plural(page.total, 'row')} found`);
    } catch (failure) {
      if (withFacets && mine.signal.aborted) filters.askAgain();
      // Rows that are shown stay when the facets alone cannot be counted.
      const stays =
        quiet && ((failure.status === 0 && shown !== undefined) || (withFacets && shown?.address === address));
      if (!mine.signal.aborted && !stays) showFailure(failure);
    } finally {
      clearTimeout(slow);
      if (loading === mine) {
        loading = undefined;
        rows.removeAttribute('aria-busy');
        if (!quiet && filters.wantsFacets()) load(true);
      }
    }
  }

  function showRows(page, address) {
    const id = identity(page.columns);
    const same = shown?.address === address;
    const hasMoved = !same && shown?.selection === selectionOf(place) && shown.page.revision !== page.revision;
    const before = same ? new Set(shown.page.rows.map(identity(shown.page.columns))) : undefined;
    const how = options();
    filters.offer(page.columns, how.key);
    shown = { page, address, selection: selectionOf(place) };
    again.done();
    tools.markBehind(false);
    replace(
      rows,
      page.rows.length === 0
        ? noRows(name, place, page.total, summary?.rows ?? 0)
        : table(
            page,
            how,
            (index) => openDetail(page, index, how),
            (row) => same && !before.has(id(row)),
          ),
    );
    if (place.pinned.length > 0) placePinned(rows);
    replace(pages, ...pager(place, page, hasMoved));
    jump.show(place, page.total);
    showChart();
    if (!same) rows.scrollTo(0, 0);
    goToWanted();
  }

  const showChart = () => chart.show(place, shown.page, options().key);

  /** The row that a person has asked for by its number. */
  function goToWanted() {
    if (wanted === undefined) return;
    const button = rows.querySelector(`[data-row="${(wanted - 1) % place.size}"]`);
    wanted = undefined;
    button?.focus();
    button?.scrollIntoView({ block: 'center' });
  }

  function showFailure(failure) {
    shown = undefined;
    again.failed(failure);
    const button = h('button', { type: 'button', class: 'control', onclick: () => load() }, 'Try again');
    rows.replaceChildren(emptyState('The rows cannot be shown', sentence(failure.message), button));
    pages.replaceChildren();
    chart.hide();
  }

  /** Whether a person has scrolled down, selects text, or has a row open: the rows must not move then. */
  function isReading() {
    const selection = document.getSelection();
    const selecting = selection !== null && !selection.isCollapsed && rows.contains(selection.anchorNode);
    const scrolled = rows.scrollTop > 0 || rows.getBoundingClientRect().top < 0;
    return scrolled || selecting || document.querySelector('dialog') !== null;
  }

  return {
    root,
    name,
    focusSearch: tools.focusSearch,
    show(to) {
      const hasOtherChart = place !== undefined && addressOf(to) !== addressOf(place);
      place = to;
      tools.show(place);
      filters.show(place);
      // At once: what else a person chooses there goes on from this choice.
      if (shown !== undefined) showChart();
      if (!hasOtherChart || loading !== undefined || shown?.address !== tableAddress(place)) load();
    },
    /** Takes new numbers, and fetches the rows again if they changed and are shown live. */
    update({ datasets, aggregates }) {
      const to = datasets.find((dataset) => dataset.name === name);
      if (to === undefined) return;
      summary = to;
      asOf = asOfIn(to, aggregates);
      showSummary();
      if (loading === undefined) again.look();
      if (shown === undefined || shown.page.revision === summary.revision || loading !== undefined) return;
      const refresh = live && place.page === 1 && !isReading();
      tools.markBehind(!refresh);
      if (refresh) load(true);
    },
    leave() {
      tools.leave();
      chart.leave();
      loading?.abort();
    },
  };
}

/** The address of the rows, with no chart of them. */
const tableAddress = (place) => addressOf({ ...place, ...NO_CHART });

/** What is paged through. */
const selectionOf = (place) => selectionQuery(place).toString();

function rowsQuery(place) {
  const query = selectionQuery(place);
  query.set('offset', String((place.page - 1) * place.size));
  query.set('limit', String(place.size));
  return query;
}

/** What distinguishes a row from every other: its message, its content, its key. */
function identity(columns) {
  const places = ['_message_id', '_hash', '_key'].map((name) => columns.findIndex((column) => column.name === name));
  return (row) => places.map((position) => row[position]).join(' ');
}
