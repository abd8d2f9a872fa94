import { isMapping, type PathStep } from '@tributary/shared';
import { type Column, NUMBERED, pathOf } from './column.js';
import { named } from './column-names.js';
import { ASIDE, enveloped, isMapLike, isTypeAndUrl, linked, MOST_NAMES, taggedValue } from './forms.js';
import { type Node, type Scalar, treeOf, valuesOf } from './tree.js';
import { withoutTwins } from './twins.js';
import { type FoundType, typeOf } from './types.js';

export interface ColumnsOptions {
  /** All values are text by their format (CSV, XML). */
  readonly isText: boolean;
  /** There is one record only, so that a list of one says something of it. */
  readonly isSingle?: boolean;
}

const DEEPEST = 5;
const MOST_COLUMNS = 120;
/** Each is compared with all others: records of 60,000 fields kept discover busy for hours. */
const MOST_COMPARED = 1_000;
/** The columns that records are worth: nested values too, lists of objects, and JSON for the rest. */
export function columnsOf(records: readonly unknown[], options: ColumnsOptions): Column[] {
  const root = treeOf(records);
  const found: Column[] = [];
  for (const [name, node] of root.children) {
    // A list of the values of all records is made for each column: with a name of its own in each record, that took half a minute.
    if (found.length >= MOST_COMPARED) break;
    visit(node, [name], found, { ...options, records: records.length });
  }
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
