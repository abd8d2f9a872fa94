import { either, expectedOneOf } from '../../words.js';
import type { Fault } from '../fault.js';
import { PAGE_PLACEHOLDERS, PAGING, type PagePlaceholder } from '../kinds/paging.js';
import { placeholdersIn } from '../placeholders.js';
import type { EndpointOf } from '../schema.js';

/** What a request cannot be: two bodies, a body that is not sent, a placeholder that nothing fills. */
export function* checkRequest(
  path: string,
  endpoint: EndpointOf<'rest'>,
  variables: readonly string[],
): Generator<Fault> {
  const { method, body, form, graphql } = endpoint;
  const bodies = Object.entries({ body, form, graphql }).filter(([, content]) => content !== undefined);
  if (bodies.length > 1) {
    const names = bodies.map(([name]) => name).join(' and ');
    yield { path, message: `${names} stand beside each other: expected one of them, since a request has one body` };
  }
  const [first] = bodies;
  if (method === 'GET' && first !== undefined) {
    yield { path: `${path}.method`, message: `a GET sends no ${first[0]}: leave method out, or say POST` };
  }
  yield* checkPlaceholders(path, endpoint, variables);
}

function* checkPlaceholders(
  path: string,
  endpoint: EndpointOf<'rest'>,
  variables: readonly string[],
): Generator<Fault> {
  const { url, query, headers, body, form, graphql, paging, incremental } = endpoint;
  const placed = placeholdersIn([url, query, headers, body, form, graphql]);
  const filled = new Set<string>([
    ...PAGING[paging.type].fills,
    ...('size' in paging && paging.size !== undefined ? ['size'] : []),
    ...(incremental === undefined ? [] : ['since', 'until']),
    ...variables,
  ]);
  for (const name of placed) {
    const first = /^[^.[]*/.exec(name)?.[0] ?? '';
    if (filled.has(first)) continue;
    yield { path, message: `{{${name}}} ${REASONS[first] ?? `is filled by nothing: ${expectedOneOf(filled)}`}` };
  }
  const [inExpression] = placeholdersIn([endpoint.map, endpoint.where]);
  if (inExpression !== undefined) {
    const message = `{{${inExpression}}} is not filled in here: what a record was asked for with lies in it, as $.$parent.id and $.$for.region, and raw["$for"].region in expressions`;
    yield { path, message };
  }
  yield* checkWindow(`${path}.incremental`, endpoint, placed);
  if (incremental !== undefined && incremental.parameter === undefined && !placed.has('since')) {
    const message =
      'nothing carries the newest version seen: expected a parameter, or {{since}} somewhere in the request';
    yield { path: `${path}.incremental`, message };
  }
}

function* checkWindow(
  path: string,
  { incremental }: EndpointOf<'rest'>,
  placed: ReadonlySet<string>,
): Generator<Fault> {
  if (incremental?.window === undefined) return;
  if (incremental.initial === undefined)
    yield { path, message: 'window needs initial: the time that the past begins at' };
  if (incremental.untilParameter === undefined && !placed.has('until')) {
    yield {
      path,
      message: 'window needs untilParameter, or {{until}} somewhere in the request: the end of each slice',
    };
  }
}

/** Which kinds of paging fill in a placeholder. */
const kindsThatFill = (name: PagePlaceholder): string[] =>
  Object.entries(PAGING).flatMap(([kind, { fills }]) => (fills.some((one) => one === name) ? [kind] : []));

const REASONS: Readonly<Record<string, string>> = {
  since: 'needs incremental: without it there is nothing to go on from',
  until: 'needs incremental with a window',
  size: 'needs the size of paging',
  parent: 'needs parent: { endpoint: … }',
  ...Object.fromEntries(PAGE_PLACEHOLDERS.map((name) => [name, `needs paging of type ${either(kindsThatFill(name))}`])),
};
