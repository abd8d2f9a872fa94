import { ExactNumber, type FieldType, isMapping, type PathStep, pathToName, type Unit } from '@tributary/shared';
import { isScalar, type Node, type Scalar, treeOf, valuesOf } from './tree.js';
import { type FoundType, typeOf } from './types.js';

/** A column that records are worth. */
export interface Column {
  readonly name: string;
  readonly path: string;
  readonly steps: readonly PathStep[];
  /** What it is called after: mostly its steps. */
  readonly label: readonly PathStep[];
  readonly type: FieldType;
  readonly unit?: Unit | undefined;
  readonly format?: string | undefined;
  /** For a list: the columns of its items. */
  readonly items?: readonly Column[];
  /** In how many of the records it holds something. */
  readonly filled: number;
  /** By record; undefined where it holds nothing. */
  readonly values: readonly (Scalar | undefined)[];
  readonly reason?: string | undefined;
  readonly isSure: boolean;
}

export interface ColumnsOptions {
  /** All values are text by their format (CSV, XML). */
  readonly isText: boolean;
  /** There is one record only, so that a list of one says something of it. */
  readonly isSingle?: boolean;
}

const DEEPEST = 5;
/** An object with more different names is a map, and no part of the record. */
const MOST_NAMES = 40;
const MOST_COLUMNS = 120;
/** Each is compared with all others: records of 60,000 fields kept discover busy for hours. */
const MOST_COMPARED = 1_000;
/** What describes the answer rather than the thing. */
const ASIDE =
  /^(__metadata|__deferred|_links|links|@odata\..*|\$ref|_expandable|subresource_uris|_highlightResult|_snippetResult|_rankingInfo|_score)$/;
/** What only holds the record's own values. */
const WRAPPER = /^(sys|fields|properties|attributes|_source|node|data|values|record|resource|item|custom_attributes)$/;

/** "1. open" and "2. high", as some number their columns. */
const NUMBERED = /^\d+\.\s+(?=\p{L})/u;

/** The columns that records are worth: nested values too, lists of objects, and JSON for the rest. */
export function columnsOf(records: readonly unknown[], options: ColumnsOptions): Column[] {
  const root = treeOf(records);
  const found: Column[] = [];
  for (const [name, node] of root.children) visit(node, [name], found, { ...options, records: records.length });
  const kept = withoutTwins(found.slice(0, MOST_COMPARED)).slice(0, MOST_COLUMNS);
  return named(kept);
}

interface Visit extends ColumnsOptions {
  readonly records: number;
}

function visit(node: Node, label: readonly PathStep[], found: Column[], around: Visit): void {
  const name = String(label.at(-1));
  if (ASIDE.test(name) || isTypeAndUrl(node)) return;
  const depth = node.steps.length;
  const { objects, lists } = node;
  const scalars = valuesOf(node);
  if (objects + lists === 0) {
    found.push(scalarColumn(node, label, scalars, around));
  } else if (lists > 0 && objects + scalars.length === 0) {
    visitList(node, label, found, around);
  } else if (objects > 0 && lists + scalars.length === 0 && depth <= DEEPEST && !isMapLike(node)) {
    const tagged = taggedValue(node) ?? linked(node) ?? enveloped(node);
    if (tagged !== undefined) visit(tagged, label, found, around);
    else for (const [inner, child] of node.children) visit(child, [...label, inner], found, around);
  } else if (around.isText && objects > 0 && lists === 0) {
    // An XML element that has attributes in some records only: its text lies in two places, and both are worth a column.
    for (const [inner, child] of node.children) visit(child, [...label, inner], found, around);
  } else {
    found.push(jsonColumn(node, label, scalars.length > 0 ? 'values of several kinds' : undefined));
  }
}

/** `{"type": "Account", "url": "…"}` and `{"__deferred": …}` describe where the record lies. */
function isTypeAndUrl({ children }: Node): boolean {
  const names = [...children.keys()];
  return (
    names.length > 0 &&
    (names.every((name) => /^(type|url|uri|href)$/.test(name))
      ? names.some((name) => /^(url|uri|href)$/.test(name))
      : names.every((name) => ASIDE.test(name)))
  );
}

/** `{"type": "number", "number": 4}`, with an id perhaps: the value is what the type names. */
function taggedValue({ children }: Node): Node | undefined {
  const type = children.get('type');
  const kinds = new Set(type === undefined ? [] : valuesOf(type).map(String));
  const [kind = ''] = kinds;
  const value = kinds.size === 1 ? children.get(kind) : undefined;
  return value !== undefined && [...children.keys()].every((name) => ['id', 'type', 'name', kind].includes(name))
    ? value
    : undefined;
}

/** `{"sys": {"type": "Link", "linkType": "Entry", "id": "a"}}` is the id of another record. */
function linked({ children }: Node): Node | undefined {
  const sys = children.size === 1 ? children.get('sys') : undefined;
  return sys?.children.has('linkType') === true ? sys.children.get('id') : undefined;
}

/** What a list within a record says of itself: `{"data": […], "has_more": false, "total_count": 2, "url": "…"}`. */
const OF_A_LIST =
  /^(type|object|url|uri|href|self|has_?more|total(_?count)?|count|total_?results|limit|offset|start(_?at)?|max_?results|size|page|next|cursor)$/i;
function enveloped({ children }: Node): Node | undefined {
  const lists = [...children.values()].filter(({ lists: count, objects }) => count > 0 && objects === 0);
  const [list] = lists;
  const others = [...children.keys()].filter((name) => name !== String(list?.steps.at(-1)));
  return lists.length === 1 &&
    others.some((name) => /more|total|count/i.test(name)) &&
    others.every((name) => OF_A_LIST.test(name))
    ? list
    : undefined;
}

function isMapLike({ children, objects }: Node): boolean {
  const names = [...children.keys()];
  if (names.length === 0) return true;
  const areIds = names.length > 3 && names.every((name) => /^(\d+|[0-9a-f-]{16,})$/.test(name));
  const filled = [...children.values()].reduce(
    (sum, child) => sum + valuesOf(child).length + child.objects + child.lists + child.empty,
    0,
  );
  return areIds || (names.length > MOST_NAMES && filled < (names.length * objects) / 2);
}

function scalarColumn(node: Node, label: readonly PathStep[], values: readonly Scalar[], around: Visit): Column {
  const found: FoundType = typeOf(String(label.at(-1)).replace(NUMBERED, ''), values, around.isText);
  return { ...placed(node, label), ...found, filled: values.length, values: padded(node.scalars, around.records) };
}

const padded = (values: readonly (Scalar | undefined)[], length: number) =>
  Array.from({ length }, (_, index) => values[index]);

const jsonColumn = (node: Node, label: readonly PathStep[], reason?: string): Column => ({
  ...placed(node, label),
  type: 'json',
  filled: node.objects + node.lists + valuesOf(node).length,
  values: [],
  reason,
  isSure: reason === undefined,
});

/** The name is found later. */
const placed = ({ steps }: Pick<Node, 'steps'>, label: readonly PathStep[]) => ({
  name: '',
  steps,
  label,
  path: pathOf(steps),
});

function visitList(node: Node, label: readonly PathStep[], found: Column[], around: Visit): void {
  const { elements, longest } = node;
  const isOfObjects = elements.length > 0 && elements.every(isMapping);
  const isText = isOfObjects && holdsText(elements);
  if (isOfObjects && longest === 1 && (around.isSingle === true || isText)) {
    const reason = 'the first of a list; if there can be more of them, declare the list';
    for (const [inner, child] of treeOf(elements).children) {
      if (child.objects + child.lists > 0 || (isText && inner !== TEXT)) continue;
      const at = { ...child, steps: [...node.steps, 0, ...child.steps], scalars: spread(node, child) };
      const own = isText ? label : [...label, inner];
      found.push({ ...scalarColumn(at, own, valuesOf(at), around), reason, isSure: false });
    }
    return;
  }
  const items = isOfObjects ? itemColumns(elements) : undefined;
  const column = jsonColumn(node, label);
  found.push(items === undefined ? column : { ...column, type: 'list', items });
}

const TEXT = 'plain_text';
/** Pieces of a formatted text, as Notion and others have them. */
const holdsText = (elements: readonly unknown[]): boolean =>
  elements.every((one) => isMapping(one) && typeof one[TEXT] === 'string');

/** The values of the first elements, at the records whose lists they are in; what list is whose is not known for lists that lack some. */
const spread = ({ elements, lists }: Node, child: Node): (Scalar | undefined)[] =>
  elements.length === lists ? child.scalars : child.scalars.filter((value) => value !== undefined);

/** The columns of a list's items, if they are plain objects. */
function itemColumns(elements: readonly unknown[]): readonly Column[] | undefined {
  const root = treeOf(elements);
  const children = [...root.children.values()];
  if (children.length === 0 || children.length > MOST_NAMES) return undefined;
  const columns = children.map((child) => {
    const values = valuesOf(child);
    const name = String(child.steps[0]);
    if (child.objects + child.lists > 0 || values.length === 0) return { ...jsonColumn(child, [name]), name };
    return { ...scalarColumn(child, [name], values, { isText: false, records: elements.length }), name };
  });
  return columns.every(({ name }) => /^[\p{L}\p{N}_-]+$/u.test(name)) ? columns : undefined;
}

export const pathOf = (steps: readonly PathStep[]): string =>
  `$${steps.map((step) => (typeof step === 'number' ? `[${step}]` : pathToName(step).text.slice(1))).join('')}`;

/** One value never makes two columns: of two that are the same text wherever both are, the one that lies higher stays. */
function withoutTwins(columns: readonly Column[]): Column[] {
  const rank = ({ steps, path }: Column) => (/\b(id|guid|uuid)\b/i.test(path) ? 0 : steps.length);
  const ordered = columns.toSorted((a, b) => rank(a) - rank(b));
  const dropped = new Set<Column>();
  for (const [index, column] of ordered.entries()) {
    if (dropped.has(column)) continue;
    for (const other of ordered.slice(index + 1))
      if (!dropped.has(other) && areTwins(column, other)) dropped.add(other);
  }
  return columns.filter((column) => !dropped.has(column));
}

function areTwins(one: Column, other: Column): boolean {
  if (one.type !== other.type || other.steps.length === 1 || other.filled < 3) return false;
  if (one.type === 'datetime' && !haveSameWord(one, other)) return false;
  // Most differ in one of the first records, so that this ends soon.
  const different = new Set<string>();
  for (const [index, value] of other.values.entries()) {
    if (value === undefined) continue;
    const text = String(value);
    // Small numbers and few different texts agree by chance.
    if (text.length < 6 || /^-?\d{1,5}(\.\d+)?$/.test(text) || String(one.values[index]) !== text) return false;
    different.add(text);
  }
  return different.size >= 3;
}

const stemOf = ({ steps }: Column) =>
  String(steps.at(-1))
    .toLowerCase()
    .replaceAll(/[^a-z]|at$|date$|time$/g, '');
const haveSameWord = (one: Column, other: Column): boolean => stemOf(one).slice(0, 6) === stemOf(other).slice(0, 6);

/** Short names that are unique: of wrappers, and of what all columns lie in, nothing stays. */
function named(columns: readonly Column[]): Column[] {
  const names = new Set<string>();
  const isCamel =
    columns.some(({ steps }) => /^[a-z]+[A-Z]/.test(String(steps.at(-1)))) &&
    !columns.some(({ steps }) => /[a-z]_[a-z]/.test(String(steps.at(-1))));
  const taken = new Set(columns.filter(({ steps }) => steps.length === 1).map(({ steps }) => joined(steps, isCamel)));
  return columns.map((column) => {
    const steps = column.label.filter((step) => typeof step === 'string');
    const inside = steps
      .filter((step, index) => index === steps.length - 1 || !WRAPPER.test(step))
      .filter((step, _index, all) => step !== '#text' || all.length === 1);
    const short = joined(withoutRepeats(inside), isCamel);
    const long = taken.has(short) ? joined(steps, isCamel) : short;
    let name = column.steps.length > 1 ? long : short;
    for (let number = 2; names.has(name.toLowerCase()); number++) name = `${short}_${number}`;
    names.add(name.toLowerCase());
    return { ...column, name };
  });
}

/** `status.statusCategory.id` is the id of the status category: what a name begins with needs not be said before it. */
const withoutRepeats = (steps: readonly string[]): readonly string[] =>
  steps.filter((step, index) => {
    const next = steps[index + 1];
    const rest = next?.toLowerCase().startsWith(step.toLowerCase()) === true ? next.slice(step.length) : '';
    return !/^[A-Z_-]/.test(rest);
  });

function joined(steps: readonly PathStep[], isCamel: boolean): string {
  const words = steps
    .map((step) =>
      String(step)
        .replace(NUMBERED, '')
        .replaceAll(/[^\p{L}\p{N}]+/gu, '_')
        .replaceAll(/^_+|_+$/g, ''),
    )
    .filter((word) => word !== '');
  const name = isCamel
    ? words.map((word, index) => (index === 0 ? word : word.slice(0, 1).toUpperCase() + word.slice(1))).join('')
    : words.join('_');
  return name === '' ? 'value' : name;
}

/** Whether a value fills a column. */
export const isFilled = (value: unknown): boolean => isScalar(value) || value instanceof ExactNumber;
