import { isMapping, pathToName } from '@tributary/shared';

/** One of several collections that an answer names. */
export interface Collection {
  readonly name: string;
  /** The address of its records. */
  readonly url: string;
  /** Where its records lie in the answer itself, if it holds all collections at once. */
  readonly within?: { readonly url: string; readonly items: string } | undefined;
}

/** What leads elsewhere than to records. */
const ASIDE =
  /^(self|curies|next|prev(ious)?|first|last|up|home|root|profile|docs?|documentation|openapi|swagger|schema|login|logout|help|status|health)$/i;
/** Where APIs put their links, if not into the answer itself. */
const HOLDERS = ['_links', 'links', 'resources', 'endpoints', 'collections'];
const LEAST = 2;

/**
 * The collections that the answer at a base address names: `{"users": "https://…/users"}`, links of HAL, a service document of OData, or
 * all lists at once, as json-server has them at `/db`.
 * @param address of the answer, without placeholders
 * @returns none if the answer is no index
 */
export function indexOf(body: unknown, address: string): Collection[] {
  if (!URL.canParse(address) || !isMapping(body)) return [];
  const found = entitySets(body, address);
  if (found.length >= LEAST) return found;
  const isBare = !Object.values(body).some(holdsRecords);
  const holders = [body, ...HOLDERS.map((name) => body[name]).filter(isMapping)];
  const linked = isBare ? holders.map((holder) => linksIn(holder, address)) : [];
  return linked.find((links) => links.length >= LEAST) ?? listsIn(body, address);
}

/** A page of json-server, which tells people of its collections; programs find them at `/db`. */
export const isJsonServer = (text: string): boolean => /<title>\s*JSON Server\s*<\/title>/i.test(text.slice(0, 2_000));

const isRecords = (value: unknown): value is unknown[] =>
  Array.isArray(value) && value.length > 0 && value.every(isMapping);
const holdsRecords = (value: unknown): boolean =>
  isRecords(value) || (isMapping(value) && Object.values(value).some(isRecords));

function linksIn(holder: Record<string, unknown>, address: string): Collection[] {
  const entries = Object.entries(holder);
  const links = entries.flatMap(([name, value]) => {
    const url = addressIn(value, address);
    return url === undefined ? [] : [{ name: name.replace(/_url$/, ''), url }];
  });
  // A record may have addresses among its fields; an index has little else.
  const isLink = (value: unknown) => /^(https?:\/\/|\/)\S*$/.test(String(isMapping(value) ? value.href : value));
  if (entries.filter(([, value]) => isLink(value)).length < entries.length * 0.7) return [];
  return usable(links, address);
}

/** Those on the same server, each once. */
function usable(links: readonly Collection[], address: string): Collection[] {
  const base = new URL(address);
  const seen = new Set([base.href]);
  return links.filter(({ name, url }) => {
    const isNew = new URL(url).origin === base.origin && !ASIDE.test(name) && !seen.has(url);
    seen.add(url);
    return isNew;
  });
}

/** An address as text or as `{"href": …}`; what may be left out of a template is, and what needs a value is none. */
function addressIn(value: unknown, address: string): string | undefined {
  const text = isMapping(value) ? value.href : value;
  if (typeof text !== 'string' || !/^(https?:\/\/|\/)\S*$/.test(text)) return undefined;
  const bare = text.replaceAll(/\{[?&][^}]*\}/g, '');
  return /[{}]/.test(bare) || !URL.canParse(bare, address) ? undefined : new URL(bare, address).href;
}

/** `{"@odata.context": "…/$metadata", "value": [{"name": "People", "kind": "EntitySet", "url": "People"}]}` */
function entitySets({ value }: Record<string, unknown>, address: string): Collection[] {
  if (!Array.isArray(value) || !value.every((one) => isMapping(one) && typeof one.url === 'string')) return [];
  const sets = (value as { name?: unknown; kind?: unknown; url: string }[]).filter(({ kind }) => kind === 'EntitySet');
  const folder = address.replace(/[?#].*$/s, '').replace(/\/?$/, '/');
  return usable(
    sets.map(({ name, url }) => ({ name: String(name ?? url), url: new URL(url, folder).href })),
    address,
  );
}

/** All lists of a small server in one answer, at its root or at `/db`. */
function listsIn(body: Record<string, unknown>, address: string): Collection[] {
  const { origin, pathname } = new URL(address);
  if (!/^\/(db)?\/?$/.test(pathname)) return [];
  const entries = Object.entries(body);
  if (!entries.every(([, value]) => Array.isArray(value) || isMapping(value))) return [];
  const lists = entries.filter(([, value]) => isRecords(value));
  return lists.length < LEAST
    ? []
    : lists.map(([name]) => ({
        name,
        url: new URL(encodeURIComponent(name), `${origin}/`).href,
        within: { url: address, items: `$${pathToName(name).text.slice(1)}` },
      }));
}
