// What the ledger holds of a key, as prelude.lua describes it.

/** A row in flight. The token names the call that claimed the row, and which of the call's rows with this key it is. */
export interface Line {
  readonly owners: readonly string[];
  readonly token: string;
  readonly hash: string;
  /** First that of the message that holds it, then the others under which its content was asked for. */
  readonly orders: readonly string[];
}

/** What the ledger holds of a key. */
export interface Known {
  /** The last accepted content, as it is stored. */
  readonly accepted: string | undefined;
  readonly lines: readonly Line[];
}

export function readKnown(text = ''): Known {
  const [accepted = '', ...lines] = text.split('\n');
  return { accepted: accepted === '' ? undefined : accepted, lines: lines.map(readLine) };
}

function readLine(line: string): Line {
  const [contents = '', held = ''] = line.split('\x1f');
  const [content = '', ...others] = contents.split('\r');
  const [owners = '', token = ''] = held.split(' ');
  const [hash, order] = readContent(content);
  return { owners: owners.split(','), token, hash, orders: [order, ...others] };
}

/** @returns '' if nothing is known */
export const writeKnown = ({ accepted = '', lines }: Known): string => [accepted, ...lines.map(writeLine)].join('\n');

const writeLine = ({ owners, token, hash, orders }: Line): string =>
  `${hash}${orders.join('\r')}\x1f${owners.join(',')} ${token}`;

/** @returns the hash and the order of a content (content.ts) */
export function readContent(content: string): [hash: string, order: string] {
  const length = content.startsWith('!') ? 21 : 20;
  return [content.slice(0, length), content.slice(length)];
}
