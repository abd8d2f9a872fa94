import { ExactNumber, isMapping, type PathStep } from '@tributary/shared';

export type Scalar = string | number | boolean | ExactNumber;

/** What was seen at one place of the records. */
export interface Node {
  readonly steps: readonly PathStep[];
  /** The value of each record that has a scalar here, in the order of the records; undefined for the others. */
  readonly scalars: (Scalar | undefined)[];
  /** How many records have text without characters here. */
  empty: number;
  /** How many records have an object here, or a list. */
  objects: number;
  lists: number;
  /** The elements of all lists. */
  readonly elements: unknown[];
  longest: number;
  readonly children: Map<string, Node>;
}

/** More would say nothing new, and cost time. */
const MOST_ELEMENTS = 2_000;

const nodeAt = (steps: readonly PathStep[]): Node => ({
  steps,
  scalars: [],
  empty: 0,
  objects: 0,
  lists: 0,
  elements: [],
  longest: 0,
  children: new Map(),
});

/** Everything that records hold, by the place where it lies. */
export function treeOf(records: readonly unknown[]): Node {
  const root = nodeAt([]);
  for (const [index, record] of records.entries()) add(root, record, index);
  return root;
}

function add(node: Node, value: unknown, index: number): void {
  if (value === null || value === undefined) return;
  if (isScalar(value)) {
    if (value === '') node.empty += 1;
    else node.scalars[index] = value;
  } else if (Array.isArray(value)) {
    node.lists += 1;
    node.longest = Math.max(node.longest, value.length);
    node.elements.push(...value.slice(0, Math.max(MOST_ELEMENTS - node.elements.length, 0)));
  } else if (isMapping(value)) {
    node.objects += 1;
    for (const [name, inner] of Object.entries(value)) {
      let child = node.children.get(name);
      if (child === undefined) {
        child = nodeAt([...node.steps, name]);
        node.children.set(name, child);
      }
      add(child, inner, index);
    }
  }
}

export const isScalar = (value: unknown): value is Scalar =>
  ['string', 'number', 'boolean'].includes(typeof value) || value instanceof ExactNumber;

/** The values that are there. */
export const valuesOf = ({ scalars }: Pick<Node, 'scalars'>): Scalar[] =>
  scalars.filter((value) => value !== undefined);
