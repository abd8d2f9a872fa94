import { COMMON } from '../config/kinds/table.js';
import { either } from '../words.js';
import { type Node, schemaForReading } from './json-schema.js';
import { anchor, type Cells, code, expectation, inYaml, namedValue, table } from './markdown.js';

const HEADER = ['Setting', 'Expected', 'Default', 'What it is'];

/** A choice between several mappings, told in a section of its own. */
interface Choice {
  readonly path: string;
  readonly node: Node;
}

/** What is told of a part of the file: its settings, and the choices among them. */
interface Told {
  readonly rows: Cells[];
  readonly choices: Choice[];
}

/** The settings of the pipeline file as Markdown, made from its schema. */
export function describeSettings(): string {
  const root = schemaForReading();
  const parts = nodesOf(root.properties);
  const top = parts.map(([name, node]) => rowOf(name, name, node, isRequired(root, name)));
  const values = nodesOf(root.$defs).map(([name, { description = '' }]) => [name, description]);
  return [
    table(HEADER, top),
    ...parts.flatMap(([name, node]) => chapter(name, node)),
    '### Values',
    table(['Value', 'What it is'], values),
  ].join('\n\n');
}

/** Everything within one setting of the top; nothing if it holds one value. */
function chapter(name: string, node: Node): string[] {
  const told = tell(name, node, '');
  if (told.rows.length === 0 && told.choices.length === 0) return [];
  const texts = [`### ${code(name)}`];
  if (told.rows.length > 0) texts.push(table(HEADER, told.rows));
  return [...texts, ...told.choices.flatMap(sections)];
}

/**
 * @param path where the node lies in the file
 * @param shown the same within its table, which may begin further down
 */
function tell(path: string, node: Node, shown: string, except: readonly string[] = []): Told {
  const told: Told = { rows: [], choices: [] };
  const add = (inner: Told) => {
    told.rows.push(...inner.rows);
    told.choices.push(...inner.choices);
  };
  for (const [name, child] of nodesOf(node.properties)) {
    if (except.includes(name)) continue;
    const below = shown === '' ? name : `${shown}.${name}`;
    told.rows.push(rowOf(`${path}.${name}`, below, child, isRequired(node, name)));
    add(tell(`${path}.${name}`, child, below));
  }
  const value = namedValue(node);
  if (value !== undefined) add(tell(`${path}.<name>`, value, `${shown === '' ? path : shown}.<name>`));
  if (formsOf(node).length > 0) told.choices.push({ path, node });
  return told;
}

/** The section of a choice, and those of the choices within its forms. */
function sections({ path, node }: Choice): string[] {
  const forms = formsOf(node);
  const common = commonOf(node);
  const texts = [`#### ${code(path)}`];
  if (node.description !== undefined) texts.push(`${node.description}.`);
  const short = withoutForms(node).map(expectation);
  if (short.length > 0) texts.push(`Expected: ${either([...short, 'one of these mappings'])}.`);
  const choices: Choice[] = [];
  const [first = {}] = forms;
  if (common.length > 0) {
    const others = Object.keys(first.properties ?? {}).filter((name) => !common.includes(name));
    const told = tell(path, first, '', others);
    texts.push(`Settings of every kind:`, table(HEADER, told.rows));
    choices.push(...told.choices);
  }
  for (const form of forms) {
    const told = tell(path, form, '', [...common, ...kindOf(form).map(([name]) => name)]);
    texts.push(`${titleOf(form)}: ${form.description ?? ''}`);
    if (told.rows.length > 0) texts.push(table(HEADER, told.rows));
    choices.push(...told.choices);
  }
  return [...texts, ...choices.flatMap(sections)];
}

function rowOf(path: string, shown: string, node: Node, required: boolean): Cells {
  const forms = formsOf(node).length > 0 ? [`[one of these](#${anchor(path)})`] : [];
  const expected = forms.length > 0 ? [...withoutForms(node).map(expectation), ...forms] : [expectation(node)];
  const usual = node.default === undefined ? '' : code(inYaml(node.default));
  return [
    code(shown),
    either(expected),
    required ? 'required' : usual === code('{}') ? '' : usual,
    node.description ?? '',
  ];
}

/** The mappings among the forms of a value. */
function formsOf(node: Node): Node[] {
  return (node.anyOf ?? node.oneOf ?? []).flatMap((form) => (form.properties !== undefined ? [form] : formsOf(form)));
}

const withoutForms = (node: Node): Node[] =>
  (node.anyOf ?? node.oneOf ?? []).filter((form) => form.properties === undefined && formsOf(form).length === 0);

const commonOf = (node: Node): string[] => (Array.isArray(node[COMMON]) ? node[COMMON].map(String) : []);

/** The settings that name the kind of a form: those that can be one value only. */
const kindOf = (form: Node): [string, Node][] =>
  nodesOf(form.properties).filter(([, { const: only }]) => typeof only === 'string');

function titleOf(form: Node): string {
  const kind = kindOf(form).map(([name, node]) => `${name}: ${node.const}`);
  return `**${code(kind.length > 0 ? kind.join(', ') : `{ ${Object.keys(form.properties ?? {}).join(', ')} }`)}**`;
}

const isRequired = (holder: Node, name: string): boolean => holder.required?.includes(name) === true;

const nodesOf = (nodes: Node['properties']): [string, Node][] =>
  Object.entries(nodes ?? {}).filter((entry): entry is [string, Node] => typeof entry[1] === 'object');
