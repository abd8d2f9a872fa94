import { isAlias, isMap, isScalar, isSeq, type Node, parseDocument } from 'yaml';
import { isSecretSetting } from './conceal.js';
import { maskedComments } from './masked-comments.js';
import { MASK, MASKED_USER } from './masks-left.js';
import { isSecretName } from './substitute.js';

const PLACEHOLDER = /\$\{[^}]*\}/g;
/** Placeholders that are filled in from elsewhere, and nothing else. A default stands in the file itself. */
const WITHOUT_DEFAULT = /\$\{(?:file:[^}]+|[A-Za-z_][A-Za-z0-9_]*)\}/g;
/** Words before a secret that are none, and tell how it is sent. */
const SCHEME = /^(Bearer|Basic|Token|[a-z][a-z0-9+.-]*:\/\/)?\s*/i;

/**
 * A pipeline file as it may be shown: values that stand in it, and that its settings or their names call secret, are masked, also where an
 * alias brings them there, and in comments. Placeholders such as `${TOKEN}` stay: what they are filled in with is not in the file.
 */
export function masked(text: string): string {
  const places = new Map<number, readonly [to: number, mask: string]>();
  const document = parseDocument(text, { prettyErrors: false });
  /** Nodes within aliases that are being followed: one that holds itself ends here. */
  const within = new Set<Node>();
  const walk = (node: unknown, path: readonly string[]): void => {
    if (isAlias(node)) {
      const meant = node.resolve(document);
      if (meant === undefined || within.has(meant)) return;
      within.add(meant);
      walk(meant, path);
      within.delete(meant);
    } else if (isMap(node)) {
      for (const { key, value } of node.items) {
        const name = String(isScalar(key) ? key.value : key);
        walk(value, name === '<<' ? path : [...path, name]);
      }
    } else if (isSeq(node)) {
      // Mappings that are merged in have no place in a list.
      for (const [index, item] of node.items.entries()) walk(item, isAlias(item) ? path : [...path, String(index)]);
    } else if (isScalar(node) && node.range != null && typeof node.value !== 'boolean') {
      if (!isSecretSetting(path) && !isSecretPart(path)) return;
      const [from, to] = node.range;
      const end = text.slice(from, to).endsWith('\n') ? '\n' : '';
      const value = String(node.value);
      const shown = withoutLiterals(value);
      if (shown !== value) places.set(from, [to, JSON.stringify(shown) + end]);
    }
  };
  walk(document.contents, []);
  const inOrder = [...places].sort(([a], [b]) => b - a);
  const shown = inOrder.reduce((all, [from, [to, mask]]) => `${all.slice(0, from)}${mask}${all.slice(to)}`, text);
  return withoutSecretsOfUrls(maskedComments(shown));
}

/** Of a secret, what placeholders do not bring: `Bearer abc${REST}` holds a part of it. */
function withoutLiterals(value: string): string {
  const [scheme = ''] = SCHEME.exec(value) ?? [];
  const rest = value.slice(scheme.length);
  const placeholders = rest.match(PLACEHOLDER) ?? [];
  if (rest !== '' && rest.replaceAll(WITHOUT_DEFAULT, '').trim() === '') return value;
  const kept = placeholders.map((one) => one.replace(/:-[^}]*/, `:-${MASK}`));
  const isMixed = rest.replaceAll(PLACEHOLDER, '').trim() !== '';
  return `${scheme}${isMixed || kept.length === 0 ? MASK : ''}${kept.join('')}`;
}

/** Users and passwords of URLs, and parameters whose names sound like a secret; defaults of variables that do. Anywhere, also in a comment. */
function withoutSecretsOfUrls(text: string): string {
  return text
    .replaceAll(/\$\{([A-Za-z_][A-Za-z0-9_]*):-([^}]+)\}/g, (all, name: string) =>
      isSecretName(name) ? `\${${name}:-${MASK}}` : all,
    )
    .replaceAll(/(?<=:\/\/)(?:[^\s"'/?#]*|[^\s"'@/?#]*:[^\s"'@]*)@/g, (all) => (isFilledIn(all) ? all : MASKED_USER))
    .replaceAll(/(?<=[?&;#])([\w.-]+)=([^\s"'&;#]+)/g, (all, name: string, value: string) => {
      const isSecret = (isSecretName(name) && !/author/i.test(name)) || /^sig$/i.test(name);
      return isSecret && value.replaceAll(WITHOUT_DEFAULT, '') !== '' && !value.startsWith('{{')
        ? `${name}=${MASK}`
        : all;
    });
}

/** Whether the password, or the user where there is none, is all placeholder. */
function isFilledIn(users: string): boolean {
  const [user = '', ...password] = users.slice(0, -1).replaceAll(WITHOUT_DEFAULT, '\0').split(':');
  return /^\0+$/.test(password.length === 0 ? user : password.join(':'));
}

/** A part of a request's body or form whose name, or that of what it is in, calls it secret. */
const isSecretPart = ([section, , ...path]: readonly string[]): boolean =>
  section === 'endpoints' &&
  ['body', 'form', 'graphql', 'headers', 'query'].includes(path[0] ?? '') &&
  path.slice(1).some(isSecretName);
