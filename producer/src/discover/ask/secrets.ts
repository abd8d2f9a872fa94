import type { Environment } from '@tributary/shared';
import type { Settings } from '../guess.js';
import { freeName } from '../names.js';
import { placeholdersIn, refuseHidden } from '../placeholders.js';
import { settingsOf } from './settings.js';
import type { Target } from './target.js';

/** A request whose secrets stand in the environment, and what has to stand there. */
export interface Concealed {
  readonly target: Target;
  /** By name of the variable. */
  readonly secrets: Readonly<Record<string, string>>;
}

const SECRET_HEADER =
  /(^|-)(api-?key|key|token|secret|auth|authorization|password|session|access|cookie|signature)(-|$)/i;
const SECRET_PARAMETER =
  /^(.*[_-])?(api_?-?key|access_?token|auth_?token|apitoken|token|app_?id|secret|client_?secret|password|passwd|passphrase|pwd|jwt|authorization|bearer|sig|signature|subscription-key)$|^key$/i;
/** Tokens of pages are none of a user. */
const PAGE_TOKEN = /page|next|sync|continuation|cursor|skip/i;

/**
 * Moves what is secret in a request into variables: the file may be shown to everybody then. What is a variable already stays.
 * @param prefix begins the names of the variables, such as GITHUB
 * @param known what the environment holds: a name that is taken there by another value is not used
 * @throws FatalError if it holds a variable that shows only when it is decoded
 */
export function concealSecrets(target: Target, prefix: string, known: Environment = {}): Concealed {
  const secrets: Record<string, string> = {};
  const hide = (value: string, name: string): string => {
    if (value.includes('${') || value === '') return value;
    const same = Object.entries(secrets).find(([, one]) => one === value)?.[0];
    const isTaken = (one: string) => Object.hasOwn(secrets, one) || (known[one] !== undefined && known[one] !== value);
    const wanted = name.startsWith(`${prefix}_`) ? name : `${prefix}_${name}`;
    const variable = same ?? freeName(wanted, isTaken);
    secrets[variable] = value;
    return `\${${variable}}`;
  };
  const auths: Settings[] = [];
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(target.headers)) {
    const auth = name === 'authorization' ? authorizationOf(value, hide) : undefined;
    if (auth !== undefined) auths.push(auth);
    else if (!SECRET_HEADER.test(name) && !isTokenLike(value)) headers[name] = value;
    else if (name === 'authorization' || name === 'cookie') headers[name] = hide(value, name.toUpperCase());
    else auths.push({ type: 'api-key', in: 'header', name, value: hide(value, variableOf(name)) });
  }
  const { url, keys, user } = takeFromUrl(target.url, hide);
  if (user !== undefined) auths.unshift(user);
  auths.push(...keys);
  if (target.auth !== undefined) auths.unshift(hideIn(target.auth, hide));
  const [auth, ...others] = auths;
  // An endpoint has one kind of credentials; a second key goes where it came from.
  for (const { in: place, name, value } of others) if (place === 'header') headers[String(name)] = String(value);
  const added = others.filter(({ in: place }) => place === 'query').map(({ name, value }) => `${name}=${value}`);
  const whole = added.length === 0 ? url : `${url}${url.includes('?') ? '&' : '?'}${added.join('&')}`;
  const concealed: Target = {
    ...target,
    ...sentOf(target, hide),
    url: hidePath(whole, hide),
    headers,
    auth,
  };
  refuseHidden(settingsOf(concealed), [...placeholdersIn(target), ...Object.keys(secrets).map((one) => `\${${one}}`)]);
  return { target: concealed, secrets };
}

type Hide = (value: string, name: string) => string;

function authorizationOf(value: string, hide: Hide): Settings | undefined {
  const [, scheme = '', token = ''] = /^(\w+)\s+(\S+)$/.exec(value) ?? [];
  if (/^bearer$/i.test(scheme)) return { type: 'bearer', token: hide(token, 'TOKEN') };
  if (!/^basic$/i.test(scheme) || token.includes('${')) return undefined;
  const [username = '', ...password] = Buffer.from(token, 'base64').toString().split(':');
  return basicOf(username, password.join(':'), hide);
}

function takeFromUrl(url: string, hide: Hide) {
  const [place = '', query = ''] = [url.split('?')[0], url.split('?').slice(1).join('?')];
  const keys: Settings[] = [];
  const kept = query.split('&').filter((entry) => {
    const [name = '', ...rest] = entry.split('=');
    const value = decode(rest.join('='));
    if (!isSecretParameter(decode(name), value) || value === '') return true;
    keys.push({ type: 'api-key', in: 'query', name: decode(name), value: hide(value, variableOf(decode(name))) });
    return false;
  });
  const [, scheme = '', login, password = '', rest = ''] =
    /^(https?:\/\/)(?:([^/@:]*)(?::([^/@]*))?@)?(.*)$/is.exec(place) ?? [];
  const user = login === undefined ? undefined : basicOf(decode(login), decode(password), hide);
  const bare = login === undefined ? place : scheme + rest;
  return { url: kept.join('&') === '' ? bare : `${bare}?${kept.join('&')}`, keys, user };
}

const SECRET_SETTING = /password|secret|token$|^value$|^key$/i;
/** As the pipeline file has them: not what an address or a kind is called. */
const hideIn = (auth: Settings, hide: Hide): Settings =>
  auth.type === 'basic'
    ? basicOf(String(auth.username), String(auth.password), hide)
    : Object.fromEntries(
        Object.entries(auth).map(([name, value]) => {
          const isSecret = typeof value === 'string' && SECRET_SETTING.test(name) && !value.startsWith('$.');
          return [name, isSecret ? hide(value, variableOf(name)) : value];
        }),
      );

/** Long, of letters and digits, and no word: whatever it is called. */
const isTokenLike = (value: string): boolean =>
  /^[\w.=+/~-]{24,}$/.test(value) && /\d/.test(value) && /[a-z]/i.test(value) && !/^[a-z]+\/[\w.+-]+$/.test(value);

/** What tells by its form that it is a secret: a JWT, and what services have their keys begin with. */
const KNOWN_FORM =
  /^(?:eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|(?:gh[pousr]_|github_pat_|glpat-|[sr]k_(?:live|test)_|sk-|xox[abeprs]-|shp(?:at|ca|pa|ss)_|AKIA|ASIA|SG\.|hf_|ya29\.)[\w.-]{12,})$/;

const isSecretParameter = (name: string, value: string): boolean =>
  !PAGE_TOKEN.test(name) &&
  (SECRET_PARAMETER.test(name) ||
    KNOWN_FORM.test(value) ||
    (/(key|token|secret|session|sid|auth|code|credential|ticket)$/i.test(name) && isTokenLike(value)));

/** Some APIs take a key as the user, with no password or any: then the user is the secret. */
function basicOf(username: string, password: string, hide: Hide): Settings {
  const isKey = password.length <= 1 || (username.length >= 20 && !username.includes('@'));
  return { type: 'basic', username: isKey ? hide(username, 'KEY') : username, password: hide(password, 'PASSWORD') };
}

/** A token in the path, as bots of Telegram have it: `/bot123456:ABC…/getUpdates`, and what tells by its form that it is one. */
const hidePath = (url: string, hide: Hide): string => {
  const [place = '', ...query] = url.split('?');
  const hidden = place.replaceAll(/(?<=[^/:]\/)[^/]+/g, (part) => (KNOWN_FORM.test(part) ? hide(part, 'TOKEN') : part));
  return hideBot([hidden, ...query].join('?'), hide);
};

const hideBot = (url: string, hide: Hide): string =>
  url.replace(
    /(\/(?:bot)?)(\d{5,}:[\w-]{20,})(?=\/|$)/,
    (_all, before: string, token: string) => before + hide(token, 'TOKEN'),
  );

function sentOf({ body, form, graphql }: Target, hide: Hide): Pick<Target, 'body' | 'form' | 'graphql'> {
  return {
    ...(body === undefined ? {} : { body: hideDeep(body, hide) }),
    ...(form === undefined ? {} : { form: hideDeep(form, hide) as Record<string, string> }),
    ...(graphql === undefined ? {} : { graphql: hideDeep(graphql, hide) as Settings }),
  };
}

/** Secrets in a body: `{"password": "..."}`. */
function hideDeep(value: unknown, hide: Hide): unknown {
  if (Array.isArray(value)) return value.map((one) => hideDeep(one, hide));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]: [string, unknown]) => {
      const isSecret = typeof one === 'string' && isSecretParameter(name, one);
      return [name, isSecret ? hide(one, variableOf(name)) : hideDeep(one, hide)];
    }),
  );
}

const variableOf = (name: string): string =>
  name
    .replaceAll(/([a-z])([A-Z])/g, '$1_$2')
    .replaceAll(/[^A-Za-z0-9]+/g, '_')
    .replace(/^_*x_/i, '')
    .toUpperCase();

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}
