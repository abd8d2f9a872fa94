import { either } from '../words.js';
import type { Node } from './json-schema.js';

export type Cells = readonly string[];

/** Outside of backticks, `<name>` would be taken for HTML; a bar would end the cell. */
const escapeCell = (cell: string): string =>
  cell
    .split('`')
    .map((part, index) => (index % 2 === 0 ? part.replaceAll('<', '&lt;') : part))
    .join('`')
    .replaceAll('|', '\\|');

/** A table of Markdown. */
export function table(header: Cells, rows: readonly Cells[]): string {
  const line = (cells: Cells) => `| ${cells.map(escapeCell).join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}

export const code = (text: string): string => `\`${text}\``;

/** A value as YAML has it on one line, such as `{ every: 60s }`. */
export function inYaml(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inYaml).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  const entries = Object.entries(value).map(([name, inner]) => `${name}: ${inYaml(inner)}`);
  return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
}

/** What a setting takes, for a person. */
export function expectation(node: Node): string {
  if (node.$ref !== undefined) return `[${nameOfRef(node.$ref)}](#values)`;
  if (node.const !== undefined) return code(String(node.const));
  if (node.enum !== undefined) return either(node.enum.map((value) => code(String(value))));
  const forms = node.anyOf ?? node.oneOf;
  if (forms !== undefined) return either([...new Set(forms.map(expectation))]);
  switch (node.type) {
    case 'integer':
      return `whole number${boundsOf(node)}`;
    case 'number':
      return `number${boundsOf(node)}`;
    case 'boolean':
      return 'true or false';
    case 'string':
      return node.minLength === 1 && node.maxLength === 1 ? 'one character' : 'text';
    case 'array':
      return `list: ${listed(node)}`;
    case 'object':
      return namedValue(node) === undefined ? 'mapping' : 'mapping by name';
    default:
      return 'anything';
  }
}

const nameOfRef = (ref: string): string => ref.replace(/^.*\//, '');

/** The schema of the values of a mapping whose names are free. */
export function namedValue({ additionalProperties }: Node): Node | undefined {
  return typeof additionalProperties === 'object' ? additionalProperties : undefined;
}

function listed({ items, prefixItems }: Node): string {
  const [first] = prefixItems ?? [items];
  const of = typeof first === 'object' && !Array.isArray(first) ? expectation(first) : 'anything';
  return prefixItems === undefined ? of : `${of}, ${prefixItems.length} times`;
}

function boundsOf({ minimum, exclusiveMinimum, maximum }: Node): string {
  const least = minimum ?? (exclusiveMinimum === 0 ? 'more than 0' : exclusiveMinimum);
  if (least === undefined) return maximum === undefined ? '' : `, at most ${maximum}`;
  if (maximum === undefined) return typeof least === 'string' ? `, ${least}` : `, ${least} or more`;
  return typeof least === 'string' ? `, ${least}, at most ${maximum}` : `, ${least} to ${maximum}`;
}

/** The anchor of a heading, as GitHub makes it. */
export const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(/\s/g, '-');
