import { isMapping } from '@tributary/shared';
import type { Settings } from '../guess.js';
import { prefixOf } from '../names.js';

/** How an API that is described wants to be asked, with variables for what is secret. */
export function authOf(
  document: Readonly<Record<string, unknown>>,
  server: string,
): { readonly auth: Settings | undefined; readonly wanted: readonly string[] } {
  const { components, securityDefinitions, security } = document;
  const schemes = isMapping(components) ? components.securitySchemes : securityDefinitions;
  if (!isMapping(schemes)) return { auth: undefined, wanted: [] };
  const [first] = Array.isArray(security) ? security : [];
  const named = isMapping(first) ? Object.keys(first)[0] : undefined;
  const scheme = schemes[named ?? Object.keys(schemes)[0] ?? ''];
  if (!isMapping(scheme)) return { auth: undefined, wanted: [] };
  const prefix = prefixOf(server);
  const variable = (name: string) => `\${${prefix}_${name}}`;
  const made = settingsOf(scheme, variable);
  const wanted = [...JSON.stringify(made ?? {}).matchAll(/\$\{(\w+)\}/g)].map(([, name = '']) => name);
  return { auth: made, wanted };
}

function settingsOf(
  scheme: Readonly<Record<string, unknown>>,
  variable: (name: string) => string,
): Settings | undefined {
  const { type, scheme: kind, in: place, name, flows, flow, tokenUrl } = scheme;
  if (type === 'apiKey' && (place === 'header' || place === 'query'))
    return { type: 'api-key', in: place, name: String(name), value: variable('KEY') };
  if (type === 'basic' || (type === 'http' && /basic/i.test(String(kind))))
    return { type: 'basic', username: variable('USER'), password: variable('PASSWORD') };
  if (type === 'http' || type === 'openIdConnect') return { type: 'bearer', token: variable('TOKEN') };
  if (type !== 'oauth2') return undefined;
  const client =
    isMapping(flows) && isMapping(flows.clientCredentials)
      ? flows.clientCredentials.tokenUrl
      : flow === 'application'
        ? tokenUrl
        : undefined;
  if (typeof client !== 'string' || !/^https?:/.test(client)) return { type: 'bearer', token: variable('TOKEN') };
  return { type: 'oauth2', tokenUrl: client, clientId: variable('CLIENT_ID'), clientSecret: variable('CLIENT_SECRET') };
}
