import { type Node, valuesOf } from './tree.js';

/** An object with more different names is a map, and no part of the record. */
export const MOST_NAMES = 40;
/** What describes the answer rather than the thing. */
export const ASIDE =
  /^(__metadata|__deferred|_links|links|@odata\..*|\$ref|_expandable|subresource_uris|_highlightResult|_snippetResult|_rankingInfo|_score)$/;

/** `{"type": "Account", "url": "…"}` and `{"__deferred": …}` describe where the record lies. */
export function isTypeAndUrl({ children }: Node): boolean {
  const names = [...children.keys()];
  return (
    names.length > 0 &&
    (names.every((name) => /^(type|url|uri|href)$/.test(name))
      ? names.some((name) => /^(url|uri|href)$/.test(name))
      : names.every((name) => ASIDE.test(name)))
  );
}

/** `{"type": "number", "number": 4}`, with an id perhaps: the value is what the type names. */
export function taggedValue({ children }: Node): Node | undefined {
  const type = children.get('type');
  const kinds = new Set(type === undefined ? [] : valuesOf(type).map(String));
  const [kind = ''] = kinds;
  const value = kinds.size === 1 ? children.get(kind) : undefined;
  return value !== undefined && [...children.keys()].every((name) => ['id', 'type', 'name', kind].includes(name))
    ? value
    : undefined;
}

/** `{"sys": {"type": "Link", "linkType": "Entry", "id": "a"}}` is the id of another record. */
export function linked({ children }: Node): Node | undefined {
  const sys = children.size === 1 ? children.get('sys') : undefined;
  return sys?.children.has('linkType') === true ? sys.children.get('id') : undefined;
}

/** What a list within a record says of itself: `{"data": […], "has_more": false, "total_count": 2, "url": "…"}`. */
const OF_A_LIST =
  /^(type|object|url|uri|href|self|has_?more|total(_?count)?|count|total_?results|limit|offset|start(_?at)?|max_?results|size|page|next|cursor)$/i;
export function enveloped({ children }: Node): Node | undefined {
  const lists = [...children.values()].filter(({ lists: count, objects }) => count > 0 && objects === 0);
  const [list] = lists;
  const others = [...children.keys()].filter((name) => name !== String(list?.steps.at(-1)));
  return lists.length === 1 &&
    others.some((name) => /more|total|count/i.test(name)) &&
    others.every((name) => OF_A_LIST.test(name))
    ? list
    : undefined;
}

export function isMapLike({ children, objects }: Node): boolean {
  const names = [...children.keys()];
  if (names.length === 0) return true;
  const areIds = names.length > 3 && names.every((name) => /^(\d+|[0-9a-f-]{16,})$/.test(name));
  const filled = [...children.values()].reduce(
    (sum, child) => sum + valuesOf(child).length + child.objects + child.lists + child.empty,
    0,
  );
  return areIds || (names.length > MOST_NAMES && filled < (names.length * objects) / 2);
}
