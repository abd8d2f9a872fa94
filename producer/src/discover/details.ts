import type { Reader } from './ask/reader.js';
import type { Settings } from './guess.js';
import { columnsOf } from './records/columns.js';

/** A list that gives hardly more than the address of each record. */
export interface Details {
  /** The property that holds the address. */
  readonly property: string;
  readonly records: readonly unknown[];
  readonly settings: Settings;
}

/** A list of more columns says enough by itself. */
const FEW_COLUMNS = 4;
const DETAILS_READ = 4;

/** Reads the records that a list of addresses leads to; undefined if it is none. */
export async function findDetails(
  list: readonly unknown[],
  settings: Settings,
  reader: Reader,
): Promise<Details | undefined> {
  const columns = columnsOf(list, { isText: false });
  if (columns.length > FEW_COLUMNS || list.length < 2 || columns.some(({ type }) => type === 'list')) return undefined;
  const url = String(settings.url);
  const holder = columns.find(
    ({ steps, values, filled }) =>
      steps.length === 1 &&
      filled === list.length &&
      values.every((value) => isBelow(String(value), url)) &&
      new Set(values).size === list.length,
  );
  if (holder === undefined) return undefined;
  const property = String(holder.steps[0]);
  if (!/^\w+$/.test(property)) return undefined;
  const { auth, headers } = settings;
  const child: Settings = {
    url: `{{parent.${property}}}`,
    ...(headers === undefined ? {} : { headers }),
    ...(auth === undefined ? {} : { auth }),
    as: 'single',
  };
  const records: unknown[] = [];
  for (const parent of list.slice(0, Math.min(DETAILS_READ, Math.max(reader.recorder.left - 1, 1)))) {
    const { pages, error } = await reader.read(child, { pages: 1, parent, parentUrl: url });
    if (error !== undefined) return records.length > 0 ? { property, records, settings: child } : undefined;
    records.push(...(pages[0] ?? []));
  }
  // The same again would be a list without more behind it.
  return records.length > 0 && columnsOf(records, { isText: false }).length > columns.length
    ? { property, records, settings: child }
    : undefined;
}

/** Whether an address may lie on the server of another, as a detail of it. The source refuses those that lie elsewhere. */
const isBelow = (address: string, list: string): boolean =>
  /^(https?:\/\/|\/)\S+$/.test(address) && !address.includes('?') && address.length > 1 && address !== list;
