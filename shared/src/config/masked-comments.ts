import { Lexer } from 'yaml';
import { MASK } from './masks-left.js';
import { isSecretName } from './substitute.js';

/** `password: abc`, `"token" = "abc def"`; several words without quotes are a sentence. */
const SETTING = /(["']?)([\w.-]+)\1(\s*[:=]\s*)((?:Bearer |Basic )?)("[^"]*"|'[^']*'|[^\s,}\]]+)(?=\s*(?:$|[,}\]#]))/gi;

/** What comments tell of secrets: settings that somebody has put out of use. */
export function maskedComments(text: string): string {
  let at = 0;
  let shown = '';
  for (const token of new Lexer().lex(text)) {
    // The lexer marks documents and scalars by characters that do not stand in the text.
    if (!text.startsWith(token, at)) continue;
    at += token.length;
    shown += token.startsWith('#') ? withoutSettings(token) : token;
  }
  return shown + text.slice(at);
}

const withoutSettings = (comment: string): string =>
  comment.replaceAll(SETTING, (all, quote: string, name: string, between: string, scheme: string, value: string) =>
    isSecretName(name) && !value.startsWith('${') ? `${quote}${name}${quote}${between}${scheme}${MASK}` : all,
  );
