import { count, FatalError, isMapping } from '@tributary/shared';
import { formatNamed } from '../../sources/files/formats/detect.js';
import type { EndpointDraft, EntityDraft, Remark } from '../draft.js';
import type { Settings } from '../guess.js';
import { namesOf } from '../names.js';
import { refuseUnwanted } from '../placeholders.js';
import { deletedWhen } from '../records/deleted.js';
import { entityDraft, type Understood, understand } from '../records/entity.js';
import { placesIn } from '../records/places.js';
import type { FileGroup } from './file-groups.js';
import type { FilesLook } from './files-look.js';

/** The endpoint and the entity of one kind of files; in words why there are none. */
export async function draftOfGroup(
  { name: stem, pattern, files }: FileGroup,
  place: string,
  wanted: string | undefined,
  look: FilesLook,
  s3: Settings,
): Promise<{ readonly entity: EntityDraft; readonly endpoint: EndpointDraft } | string> {
  const path = pattern === '' ? place : `${place}/${pattern}`;
  const placed: Settings = { path };
  // It would name other files too, whose records came twice.
  if (pattern !== '' && files.some((name) => /[*?]|(?<!\$)\{/.test(name)))
    return `left out: ${path}, whose name holds what stands for any characters`;
  const shown = `${count(files.length, 'file')}${files.length === 1 ? '' : `, such as ${files[0]}`}`;
  let found: Awaited<ReturnType<FilesLook['records']>>;
  let items: Settings = {};
  try {
    // The name of a file could hold what is filled from the environment.
    refuseUnwanted(placed, new Set());
    found = await look.records(placed);
    items = itemsIn(found.byFile);
    if (items.items !== undefined) found = await look.records({ ...placed, ...items });
  } catch (error) {
    if (!(error instanceof FatalError)) throw error;
    return `left out: ${path}, ${error.message}`;
  }
  const { byFile, bad, doubts } = found;
  const records = byFile.flat();
  if (records.length === 0) return `left out: ${path}, ${doubts[0] ?? 'no record could be read'}`;
  const own = namesOf(`/${stem.replace(/[?#/]/g, '_')}`, wanted, undefined);
  const isText = formatNamed(files[0] ?? path) === 'csv';
  const options = { isText, isSingle: false, names: own, since: undefined };
  const all = understand(records, options);
  // Each file may hold everything there is, or all that is new: a key comes again in the next.
  const one = byFile.length > 1 && all?.key.isSure !== true ? understand(byFile[0] ?? [], options) : undefined;
  // Lines that are the same are not one, unless something is called like their key.
  const told = all?.key.isSure === false && all.count < records.length ? undefined : all;
  const whole = all ?? one;
  const understood = one?.key.isSure === true && whole !== undefined ? { ...whole, key: keyOf(one, whole) } : told;
  const shownRecords = understood === undefined ? byFile.flatMap(numbered) : records;
  const keyed = understood ?? lineKeyed(shownRecords, options);
  if (keyed === undefined) return `left out: ${path}, nothing tells its records apart`;
  const entity = entityDraft(keyed, own, keyed.version?.value.isOfCreation === false);
  const deleted = deletedWhen(keyed.columns);
  const said = `${shown}; looked at ${count(records.length, 'record')}${bad === 0 ? '' : `, and ${bad} that cannot be read`}`;
  const remarks: Record<string, Remark> = {
    path: { text: [said, ...doubts.slice(0, 2)].join('; '), isSure: bad === 0 && doubts.length === 0 },
    ...(deleted === undefined ? {} : { deletes: { text: deleted.reason, isSure: deleted.isSure } }),
  };
  const settings: Settings = {
    source: 'files',
    path,
    ...items,
    ...s3,
    ...(deleted === undefined ? {} : { deletes: { when: deleted.value } }),
  };
  return { entity, endpoint: { id: own.endpoint, entity: own.entity, settings, remarks, records: shownRecords } };
}

/** The key that each file alone tells, in the columns of all of them. */
function keyOf(one: Understood, all: Understood): Understood['key'] {
  const names = one.key.value.map(({ name }) => name);
  const value = all.columns.filter(({ name }) => names.includes(name));
  return { value, reason: `unique in each file; in the next file a key comes again`, isSure: true };
}

const numbered = (records: readonly unknown[], file: number): unknown[] =>
  records.map((record, index) => ({
    ...(isMapping(record) ? record : {}),
    $file: `file ${file + 1}`,
    $line: index + 1,
  }));

/** Records that nothing tells apart are known by their files and lines. */
function lineKeyed(records: readonly unknown[], options: Parameters<typeof understand>[1]): Understood | undefined {
  const found = understand(records, options);
  if (found === undefined) return undefined;
  const value = found.columns.filter(({ path }) => ['$.$file', '$.$line'].includes(path));
  const reason = 'nothing tells the records apart but the file and the line that they stand in';
  return { ...found, key: { value, reason, isSure: false } };
}

/** Where a JSON document that is one object holds its records. */
function itemsIn(byFile: readonly (readonly unknown[])[]): Settings {
  const [first] = byFile;
  const [document] = first ?? [];
  if (first?.length !== 1 || !isMapping(document)) return {};
  const place = placesIn(document, '').find(
    ({ as, items, more }) => as === 'list' && !/\[/.test(items) && Object.keys(more).length === 0,
  );
  const [best] = placesIn(document, '');
  return place === undefined || best?.as === 'single' ? {} : { items: place.items };
}
