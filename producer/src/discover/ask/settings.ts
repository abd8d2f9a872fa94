import { isMapping } from '@tributary/shared';
import type { Settings } from '../guess.js';
import type { Target } from './target.js';

/** The settings of an endpoint that send this request. Its query stands in `query`, where it is easier to read and to change. */
export function settingsOf({ url, method, headers, body, form, graphql, auth }: Target): Settings {
  const { place, query, rest } = splitUrl(url);
  const hasBody = body !== undefined || form !== undefined || graphql !== undefined;
  const usual = hasBody ? 'POST' : 'GET';
  return {
    url: rest === '' ? place : `${place}?${rest}`,
    ...(method === usual ? {} : { method }),
    ...(Object.keys(query).length === 0 ? {} : { query }),
    ...(Object.keys(headers).length === 0 ? {} : { headers }),
    ...(auth === undefined ? {} : { auth }),
    ...(graphql === undefined ? {} : { graphql }),
    ...(form === undefined ? {} : { form }),
    ...(body === undefined ? {} : { body }),
  };
}

/** Entries that `query` cannot hold stay in the URL: two of one name, and one without a value. */
function splitUrl(url: string) {
  const at = url.indexOf('?');
  const [place, text] = at < 0 ? [url, ''] : [url.slice(0, at), url.slice(at + 1)];
  const entries = text === '' ? [] : text.split('&').map((entry) => ({ entry, ...pairOf(entry) }));
  const query: Record<string, string> = {};
  const rest: string[] = [];
  for (const { entry, name, value } of entries) {
    const isPlain = value !== undefined && name !== '' && entries.filter((other) => other.name === name).length === 1;
    if (isPlain) query[name] = value;
    else if (entry !== '') rest.push(entry);
  }
  return { place, query, rest: rest.join('&') };
}

function pairOf(entry: string): { readonly name: string; readonly value: string | undefined } {
  // `created[gte]=1` and `DateSent>=2024`: the first sign of equality ends the name.
  const at = entry.indexOf('=');
  return at < 0
    ? { name: decode(entry), value: undefined }
    : { name: decode(entry.slice(0, at)), value: decode(entry.slice(at + 1)) };
}

export function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

/** What carries the parameters of a request. */
type Carrier = 'query' | 'form' | 'body' | 'variables';

/** Where an API that takes a body expects its parameters: there. */
export function carrierOf({ body, form, graphql }: Settings): Carrier {
  if (graphql !== undefined) return 'variables';
  if (form !== undefined) return 'form';
  return isMapping(body) ? 'body' : 'query';
}

/** The parameters of a request. */
export function parametersOf(settings: Settings): Settings {
  const { query, form, body, graphql } = settings;
  const carriers = { query, form, body, variables: isMapping(graphql) ? graphql.variables : undefined };
  const found = carriers[carrierOf(settings)];
  return isMapping(found) ? found : {};
}

/** The settings with other parameters. @param values undefined takes a parameter out */
export function withParameters(settings: Settings, values: Settings): Settings {
  const merged = Object.fromEntries(
    Object.entries({ ...parametersOf(settings), ...values }).filter(([, value]) => value !== undefined),
  );
  const carrier = carrierOf(settings);
  if (carrier === 'variables') {
    return { ...settings, graphql: { ...(isMapping(settings.graphql) ? settings.graphql : {}), variables: merged } };
  }
  if (carrier === 'query' && Object.keys(merged).length === 0) {
    const { query: _none, ...others } = settings;
    return others;
  }
  return { ...settings, [carrier]: merged };
}
