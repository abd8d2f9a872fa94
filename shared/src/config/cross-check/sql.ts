import { keyFieldsOf } from '../../records/key.js';
import { compilePath } from '../../records/path.js';
import { expectedOneOf } from '../../words.js';
import type { Fault } from '../fault.js';
import { mappedFields } from '../fields.js';
import { placeholdersIn } from '../placeholders.js';
import type { EndpointOf, EntityConfig } from '../schema.js';

/** What a database cannot be asked for: nothing or two things at once, rows in an order that it does not have. */
export function* checkSql(
  path: string,
  endpoint: EndpointOf<'sql'>,
  { variables, entity }: { readonly variables: readonly string[]; readonly entity: EntityConfig | undefined },
): Generator<Fault> {
  const { table, query } = endpoint;
  if ((table === undefined) === (query === undefined)) {
    const found = table === undefined ? 'nothing says what is read' : 'table and query stand beside each other';
    yield { path, message: `${found}: expected one of them` };
  }
  if (query !== undefined && /;\s*$/.test(query)) {
    yield { path: `${path}.query`, message: 'it stands within another SELECT: leave the semicolon at its end out' };
  }
  yield* checkPlaceholders(path, endpoint, variables);
  if (entity !== undefined) yield* checkColumns(path, endpoint, entity);
}

/** What a parent's record or a list gives is bound as a parameter of a query. */
function* checkPlaceholders(
  path: string,
  { url, table, query = '', parent, for: lists }: EndpointOf<'sql'>,
  variables: readonly string[],
): Generator<Fault> {
  for (const placed of placeholdersIn([url, table])) {
    yield {
      path,
      message: `{{${placed}}} stands in the url or the table, where nothing fills it: only a query has placeholders`,
    };
  }
  const placed = [...placeholdersIn(query)];
  const filled = new Set(placed.map((name) => /^[^.[]*/.exec(name)?.[0] ?? ''));
  for (const name of placed) {
    if (variables.includes(/^[^.[]*/.exec(name)?.[0] ?? '')) continue;
    const others = variables.length === 0 ? '' : `; ${expectedOneOf(variables)}`;
    const message = `{{${name}}} is filled by nothing here: what is new is found by the version of the entity${others}`;
    yield { path, message };
  }
  const quoted = placeholderInQuotes(query);
  if (quoted !== undefined) {
    const message = `{{${quoted}}} stands within quotes or a comment: the database binds its value, whatever it holds, so leave the quotes out`;
    yield { path: `${path}.query`, message };
  }
  const own = [...(parent === undefined ? [] : ['parent']), ...Object.keys(lists)];
  for (const name of own.filter((one) => !filled.has(one))) {
    const setting = name === 'parent' ? 'parent' : 'for';
    const place = name === 'parent' ? '{{parent.id}}' : `{{${name}}}`;
    const message = `each record or value would read the same rows: expected a query with ${place} in it, such as SELECT … WHERE owner = ${place}`;
    yield { path: `${path}.${setting}`, message };
  }
}

/** Text in quotes, and comments, in which no parameter can stand. */
const NO_PLACE = /'(?:[^']|'')*'|"[^"]*"|`[^`]*`|--[^\n]*|\/\*[\s\S]*?\*\//g;

function placeholderInQuotes(query: string): string | undefined {
  const [quoted] = placeholdersIn(query.match(NO_PLACE) ?? []);
  return quoted;
}

/** Rows are read in the order of version and key, and so both have to be columns as they are. */
function* checkColumns(path: string, endpoint: EndpointOf<'sql'>, entity: EntityConfig): Generator<Fault> {
  const fields = mappedFields(entity.fields, endpoint.map);
  const { incremental, columns } = endpoint;
  if (incremental !== undefined && entity.version === undefined) {
    const message = `entity "${endpoint.entity}" has no version to go by: name the field that grows with each change, or set incremental: false, which reads everything with each poll`;
    yield { path: `${path}.incremental`, message };
  }
  const version = incremental === undefined ? [] : [entity.version ?? ''];
  for (const name of [...version, ...keyFieldsOf(entity)]) {
    const field = fields[name];
    if (field === undefined) continue;
    const column = columnOf(name, field.from);
    if (column === undefined || field.value !== undefined) {
      const message = `the field "${name}" is not one column as it is, and rows are read in its order: expected a path such as $.${name}; or let a query make the column`;
      yield { path: `${path}.map.${name}`, message };
    } else if (columns !== undefined && !columns.includes(column)) {
      yield { path: `${path}.columns`, message: `"${column}" is missing: the field "${name}" is read from it` };
    }
  }
  if (
    incremental !== undefined &&
    fields[entity.version ?? '']?.type === 'integer' &&
    incremental.overlap === undefined
  ) {
    const message =
      'missing: rows that are committed late have lower numbers than rows that were read. Expected how many numbers may still be uncommitted, such as 1000 ' +
      '(0 if none ever is), or a duration if the numbers count time since 1970';
    yield { path: `${path}.incremental.overlap`, message };
  }
}

/** The column that a path is; undefined if it leads deeper, or is the whole row. */
export function columnOf(name: string, from: string | undefined): string | undefined {
  if (from === undefined) return name;
  const [first, ...deeper] = compilePath(from).steps;
  return deeper.length === 0 && typeof first === 'string' ? first : undefined;
}
