/**
 * Every page of the dashboard. The tabs, the addresses and the server's routes come from this table. To add a page, put
 * `<view>.js` (and `<view>.css`) into this folder and a line into the table.
 *
 * | field | what it is |
 * | --- | --- |
 * | `path` | the address; a part that begins with a colon is a value of the place, such as a dataset's name |
 * | `query` | the parameters that may follow the path; ../ui/location.js says how each is read and written |
 * | `view` | the module in this folder that shows the page: it exports `createView(place, app)` |
 * | `title` | of the browser's window |
 * | `tab` | the tab that leads here, if there is one |
 * | `key` | the key that leads here after a `g` |
 * | `within` | the section whose tab is marked as the one that is open, if it is not the page's own |
 * | `alarm` | how many things need attention here, from what flows now; shown in the tab if it is not 0 |
 *
 * This module has no imports and uses nothing that only a browser has, because the server reads it too; table.d.ts has
 * its types.
 */
export const PAGES = [
  { path: '/', view: 'flow', title: 'Flow', tab: 'Flow', key: 'f', query: [] },
  {
    path: '/endpoints',
    view: 'endpoints',
    title: 'Endpoints',
    tab: 'Endpoints',
    key: 'e',
    query: ['search', 'state', 'group'],
  },
  { path: '/endpoints/:endpoint', view: 'endpoint', title: ({ endpoint }) => endpoint, query: [] },
  { path: '/data', view: 'datasets', title: 'Data', tab: 'Data', key: 'd', query: [] },
  {
    path: '/data/:dataset',
    view: 'dataset',
    title: ({ dataset }) => dataset,
    query: [
      'view',
      'page',
      'size',
      'search',
      'columns',
      'column',
      'pin',
      'sort',
      'where',
      'chart',
      'x',
      'y',
      'how',
      'by',
    ],
  },
  {
    path: '/schema/:dataset',
    view: 'schema',
    title: ({ dataset }) => `${dataset}: columns`,
    within: 'data',
    query: ['view'],
  },
  { path: '/sql', view: 'sql', title: 'SQL', tab: 'SQL', key: 'q', query: ['query', 'chart', 'x', 'y', 'by'] },
  { path: '/trace', view: 'trace', title: 'Trace', tab: 'Trace', key: 't', query: ['dataset', 'key'] },
  {
    path: '/dead-letters',
    view: 'dead-letters',
    title: 'Dead letters',
    tab: 'Dead letters',
    key: 'l',
    alarm: ({ queues }) => queues.reduce((sum, { dead }) => sum + (dead ?? 0), 0),
    query: ['page', 'search', 'queue', 'code', 'field', 'endpoint'],
  },
  { path: '/dead-letters/:letter', view: 'dead-letter', title: 'Dead letter', query: [] },
  { path: '/exports', view: 'exports', title: 'Exports', tab: 'Exports', key: 'x', query: [] },
  {
    path: '/alerts',
    view: 'alerts',
    title: 'Alerts',
    tab: 'Alerts',
    key: 'r',
    alarm: ({ alerts }) => alerts.filter(({ silenced }) => !silenced).length,
    query: [],
  },
  { path: '/sources', view: 'sources', title: 'Data sources', tab: 'Data sources', key: 's', query: [] },
  {
    path: '/configuration',
    view: 'configuration',
    title: 'Configuration',
    tab: 'Configuration',
    key: 'c',
    query: [],
  },
  {
    path: '/audit',
    view: 'audit',
    title: 'Audit log',
    tab: 'Audit log',
    key: 'a',
    query: ['page', 'search', 'who', 'action', 'outcome'],
  },
];

/** The first part of a page's path: what a place is `at`. */
export const sectionOf = ({ path }) => path.split('/')[1];

/** The names of the values that a page's path holds. */
export const namesIn = ({ path }) => path.split('/').flatMap((part) => (part.startsWith(':') ? [part.slice(1)] : []));

/**
 * The page at a path, and the values in the path as they stand there (not decoded).
 *
 * @param {string} path such as /data/customers
 * @returns undefined if there is no page
 */
export function pageAt(path) {
  const given = path.split('/');
  for (const page of PAGES) {
    const wanted = page.path.split('/');
    const isHere = (part, index) => (part.startsWith(':') ? given[index] !== '' : part === given[index]);
    if (wanted.length !== given.length || !wanted.every(isHere)) continue;
    return { page, values: namesIn(page).map((name) => [name, given[wanted.indexOf(`:${name}`)]]) };
  }
  return undefined;
}
