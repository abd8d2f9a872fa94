/** What is found in addresses and tells nothing of the records. */
const GENERIC =
  /^(api|rest|v?\d+(\.\d+)*|v\d\w*|search|query|list|all|find|get|latest|public|jql|cursor|incremental|admin|services|data|sobjects|graphql|odata|index|feed|_search|export|browse|current|json|xml|csv|batch|read|results|records|items|me|rss|atom|sap|opu|bulk|d|crm|objects|rest-api|resources?|download|wp-json|wp|api_jsonrpc|rows)$/i;

/** Names of a thing, in the forms that the file wants. */
export interface Names {
  /** `order` */
  readonly entity: string;
  /** `orders` */
  readonly dataset: string;
  /** `orders`, as endpoints are called */
  readonly endpoint: string;
}

/** What the records at an address may be called. @param wanted the name that a person gave @param within the name of the list in the body, to fall back on */
export function namesOf(url: string, wanted: string | undefined, within: string | undefined): Names {
  const path = url.replace(/^\$\{[^}]*\}|^https?:\/\/[^/?#]*/i, '').replace(/[?#].*$/s, '');
  const words = path
    .split('/')
    .map((word) =>
      word.replace(/\.(json|xml|csv|php|aspx?|ndjson|jsonl|atom|rss|parquet|gz|tsv|txt)$/gi, '').replace(/\(.*\)$/, ''),
    );
  const named = words.findLast((word) => word !== '' && !isId(word) && !GENERIC.test(word) && !word.includes('{'));
  const host = /^https?:\/\/(?:api\.|www\.)?([^./:]+)/i.exec(url)?.[1];
  const inside = within === undefined || GENERIC.test(within) ? undefined : within;
  const base =
    snake(wanted ?? withoutVerb(named) ?? inside ?? (host === undefined || /^\d+$/.test(host) ? 'record' : host)) ||
    'record';
  const dataset = wanted === undefined ? plural(base) : base;
  return { entity: singular(base), dataset, endpoint: dataset.replaceAll('_', '-') };
}

/** The name that is wanted, with a number if it is taken. */
export function freeName(wanted: string, isTaken: (name: string) => boolean): string {
  let name = wanted;
  for (let number = 2; isTaken(name); number++) name = `${wanted}_${number}`;
  return name;
}

/** What a dataset is called, and what the tables beside it are called that a Postgres output keeps of it. */
export const tablesOfDataset = (dataset: string): string[] =>
  ['', '_history', '_tombstones'].map((end) => dataset + end);

/**
 * By table, its names, of which no two are the same: tables of two schemas may be called alike, and so may `customer` and `customers`.
 * Those get the schema before them, or else a number behind.
 * @param tables each as a database names it, such as `orders` or `shop.orders`
 */
export function namesOfTables(tables: readonly string[]): ReadonlyMap<string, Names> {
  const alone = new Map(tables.map((table) => [table, namesOf('', table.split('.').at(-1), undefined)]));
  const called = new Map<string, number>();
  for (const { entity } of alone.values()) called.set(entity, (called.get(entity) ?? 0) + 1);
  const taken = new Set<string>();
  const isTaken = ({ entity, dataset }: Names) =>
    taken.has(`entity ${entity}`) || tablesOfDataset(dataset).some((one) => taken.has(one));
  const names = new Map<string, Names>();
  for (const [table, own] of alone) {
    const isShared = (called.get(own.entity) ?? 0) > 1;
    const wanted = isShared ? namesOf('', table.replaceAll('.', '_'), undefined) : own;
    let free = wanted;
    for (let count = 2; isTaken(free); count++) free = numbered(wanted, count);
    for (const one of [`entity ${free.entity}`, ...tablesOfDataset(free.dataset)]) taken.add(one);
    names.set(table, free);
  }
  return names;
}

const numbered = ({ entity, dataset, endpoint }: Names, count: number): Names => ({
  entity: `${entity}_${count}`,
  dataset: `${dataset}_${count}`,
  endpoint: `${endpoint}-${count}`,
});

/** The last word of an address, as it may name the list in the body. */
export const lastWordOf = (url: string): string => namesOf(url, undefined, undefined).dataset;

/** `getOrders`, `list_users` and `datastore_search` tell of orders, users and a datastore. */
const withoutVerb = (word: string | undefined): string | undefined =>
  word?.replace(/^(get|list|search|find|fetch|query)(?=[A-Z_-])[_-]?|[_-](search|list|query|export)$/g, '') || word;

const isId = (word: string): boolean =>
  /^([a-z]|[\d.,:-]+|(?=.*\d)[a-z\d]{4}-[a-z\d]{4})$/i.test(word) ||
  /^[0-9a-f-]{16,}$/i.test(word) ||
  (/\d/.test(word) && word.length > 20);

function snake(text: string): string {
  const words = text
    .replaceAll(/([a-z\d])([A-Z])/g, '$1_$2')
    .normalize('NFKD')
    .replaceAll(/[^A-Za-z\d]+/g, '_')
    .toLowerCase();
  return words.replaceAll(/^[_\d]+|_+$/g, '').slice(0, 50);
}

const IRREGULAR: readonly (readonly [RegExp, string])[] = [
  [/people$/, 'person'],
  [/children$/, 'child'],
];
const SAME = /(news|series|species|data|media|staff|equipment|information)$/;

export function singular(word: string): string {
  const [plural, one] = IRREGULAR.find(([pattern]) => pattern.test(word)) ?? [];
  if (plural !== undefined && one !== undefined) return word.replace(plural, one);
  if (SAME.test(word) || /(ss|us|is)$/.test(word)) return word;
  if (/ies$/.test(word) && word.length > 4) return word.replace(/ies$/, 'y');
  if (/(ches|shes|xes|sses|zes)$/.test(word)) return word.replace(/es$/, '');
  return word.replace(/s$/, '');
}

function plural(word: string): string {
  if (SAME.test(word) || /s$/.test(word) || IRREGULAR.some(([pattern]) => pattern.test(word))) return word;
  if (/[^aeiou]y$/.test(word)) return word.replace(/y$/, 'ies');
  return /(ch|sh|x|z)$/.test(word) ? `${word}es` : `${word}s`;
}

/** What the names of variables begin with: who it is that is asked. */
export function prefixOf(url: string): string {
  const host = /^https?:\/\/(?:[^@/]*@)?([^/:?]+)/i.exec(url)?.[1] ?? '';
  const words = host
    .split('.')
    .filter((word) => !/^(api|www|com|org|net|io|dev|app|cloud|co|rest|gateway|\d+|localhost)$/i.test(word));
  const name = (words.length > 1 && words[0]?.length !== undefined ? words.at(-2) : words[0]) ?? 'api';
  return (
    (words.length === 1 ? (words[0] ?? 'api') : name)
      .replaceAll(/[^A-Za-z\d]+/g, '_')
      .toUpperCase()
      .replace(/^(\d)/, 'API_$1') || 'API'
  );
}
