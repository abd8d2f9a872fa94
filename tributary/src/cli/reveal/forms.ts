import type { ProtectionKeys, Revealed } from '@tributary/producer';
import { reveal } from '@tributary/producer';
import { encodeCell, FatalError, type Field, guardJson, quoteCell, splitCells } from '@tributary/shared';

/** How the text is written that holds encrypted values, so that a value in the clear stands in it as one that belongs there. */
export const FORMS = {
  text: { turns: () => false, reveal },
  json: { turns: () => false, reveal: (line, keys) => reveal(line, keys, withinJson) },
  csv: { turns: hasOddQuotes, reveal: revealCells },
} as const satisfies Readonly<Record<string, Form>>;

export type FormName = keyof typeof FORMS;

interface Form {
  /** Whether a line opens what another has to close, or closes it: until then it is one record. */
  turns(line: string): boolean;
  reveal(record: string, keys: ProtectionKeys): Revealed;
}

/** Characters of a record of CSV: where a quote is never closed, the rest of the file would be one. */
const LONGEST = 16_000_000;

/** Each record of the text, its encrypted values in the clear, which ends as it did. @throws FatalError for a quote that nothing closes */
export async function* revealed(
  lines: AsyncIterable<string> | Iterable<string>,
  name: FormName,
  keys: ProtectionKeys,
): AsyncGenerator<Revealed> {
  const form: Form = FORMS[name];
  let open: string[] = [];
  let length = 0;
  for await (const line of lines) {
    const isOpen = open.length > 0;
    open.push(line);
    length += line.length + (isOpen ? 1 : 0);
    if (length > LONGEST) throw notClosed();
    if (form.turns(line) !== isOpen) continue;
    const record = open.join('\n');
    const end = record.endsWith('\r') ? '\r' : '';
    const whole = form.reveal(record.slice(0, record.length - end.length), keys);
    yield { ...whole, text: whole.text + end };
    open = [];
    length = 0;
  }
  if (open.length > 0) throw notClosed();
}

const notClosed = () =>
  new FatalError('not_csv', 'a quote is never closed: this is no CSV; say --as text or --as json');

const withinJson = (clear: string): string => JSON.stringify(clear).slice(1, -1);

/** Two quotes stand for one within quotes, so an odd one is open. */
function hasOddQuotes(line: string): boolean {
  let count = 0;
  for (let at = line.indexOf('"'); at !== -1; at = line.indexOf('"', at + 1)) count += 1;
  return count % 2 === 1;
}

const TEXT: Field = { type: 'string', optional: true, maxLength: Number.MAX_SAFE_INTEGER };

/** A cell with a value in the clear is quoted where it has to be, and is no formula for a spreadsheet. Records without one stay as they are. */
function revealCells(record: string, keys: ProtectionKeys): Revealed {
  const whole = reveal(record, keys);
  if (whole.count === 0) return whole;
  const cells = splitCells(record).map((cell) => {
    if (!isJson(cell)) {
      const plain = reveal(cell, keys);
      return { ...plain, text: plain.count === 0 ? cell : encodeCell(plain.text, TEXT, true) };
    }
    const json = reveal(cell, keys, withinJson);
    return { ...json, text: json.count === 0 ? cell : guardJson(json.text) };
  });
  return {
    text: cells.map(({ text }) => quoteCell(text)).join(','),
    count: cells.reduce((sum, { count }) => sum + count, 0),
    missing: cells.flatMap(({ missing }) => missing),
  };
}

/** A list, or a mapping, as the CSV sink writes it. */
function isJson(cell: string): boolean {
  if (!/^\s*[[{]/.test(cell)) return false;
  try {
    JSON.parse(cell);
    return true;
  } catch {
    return false;
  }
}
