import { parseDocument, type Scalar, visit } from 'yaml';
import { isSecretSetting } from './conceal.js';
import { isSecretName } from './substitute.js';

/** As long as a secret has to be, so that what is shown is as valid as the file. */
const MASK = '****************';

const maskOf = (value: string): string => `"${/^[a-z][a-z0-9+.-]*:\/\//i.exec(value)?.[0] ?? ''}${MASK}"`;

/**
 * A pipeline file as it may be shown: values that stand in it, and that its settings or their names call secret, are masked. Placeholders such
 * as `${TOKEN}` stay: what they are filled in with is not in the file.
 */
export function masked(text: string): string {
  const places: (readonly [from: number, to: number, mask: string])[] = [];
  const document = parseDocument(text, { prettyErrors: false });
  visit(document, {
    Scalar(key, scalar, ancestors) {
      if (key === 'key' || scalar.range == null || typeof scalar.value === 'boolean') return;
      const path = ancestors.flatMap((one, index) => {
        const next = ancestors[index + 1] ?? scalar;
        if (one !== null && typeof one === 'object' && 'key' in one) return [String((one.key as Scalar).value)];
        return one !== null && typeof one === 'object' && 'items' in one && !('key' in (next as object))
          ? [String((one.items as unknown[]).indexOf(next))]
          : [];
      });
      const isSecret = isSecretSetting(path) || isSecretPart(path);
      if (isSecret && !String(scalar.source ?? scalar.value).includes('${'))
        places.push([scalar.range[0], scalar.range[1], maskOf(String(scalar.value))]);
    },
  });
  const shown = places.reduceRight((all, [from, to, mask]) => `${all.slice(0, from)}${mask}${all.slice(to)}`, text);
  // Users and passwords of URLs, and what a comment has of them.
  return shown.replaceAll(/(?<=\/\/)(?!\$\{)[^\s"'@/?#]*:(?!\$\{)[^\s"'@]*@/g, '********@');
}

/** A part of a request's body or form whose name calls it secret. */
const isSecretPart = ([section, , ...path]: readonly string[]): boolean =>
  section === 'endpoints' && ['body', 'form', 'graphql'].includes(path[0] ?? '') && isSecretName(path.at(-1) ?? '');
