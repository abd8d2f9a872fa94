import { FatalError } from '@tributary/shared';
import type { Answer } from '../sources/rest/fetch.js';
import { type Body, bodyOf } from './ask/body.js';
import type { Reader } from './ask/reader.js';
import { parametersOf } from './ask/settings.js';
import { findChanges } from './changes/find.js';
import { writtenSince } from './changes/written.js';
import { type Sibling, siblingChanges, siblingPaging } from './collections/sibling.js';
import { findDetails } from './details.js';
import type { Draft, EndpointDraft, EntityDraft, Remark } from './draft.js';
import { likelyPaging } from './given/likely-paging.js';
import type { Guess, Settings } from './guess.js';
import { limitsIn } from './limits.js';
import { lastWordOf, type Names, namesOf } from './names.js';
import { findPaging } from './paging/find.js';
import { tunedSize } from './paging/size.js';
import type { Paging } from './paging/trial.js';
import { deletedWhen } from './records/deleted.js';
import { entityDraft, understand } from './records/entity.js';
import type { Place } from './records/place.js';
import { placesIn } from './records/places.js';
import { refuseBody, refuseStatus } from './refusals.js';

export interface ExploreOptions {
  /** What the records shall be called; found in the address unless given. */
  readonly name?: string | undefined;
  /** Where the records lie, if that is known. */
  readonly items?: string | undefined;
  /** Another collection of the same API, of which more was tried. */
  readonly sibling?: Sibling | undefined;
  /** Asks a person which of places that are as likely holds the records; the first is taken unless given. */
  choosePlace?(places: readonly Place[]): Promise<Place>;
}

/** What was found at one address. @throws FatalError saying what was found and what to do, if there are no records */
export async function explore(
  base: Settings,
  reader: Reader,
  { name, items, sibling, choosePlace }: ExploreOptions = {},
): Promise<Omit<Draft, 'secrets'>> {
  const { answer, error } = await reader.look(base);
  refuseStatus(answer, error);
  const body = bodyOf(answer.text, answer.headers['content-type']);
  refuseBody(body, answer.text);
  const url = String(base.url);
  const all = 'value' in body ? placesIn(body.value, lastWordOf(url)) : [];
  const places = items === undefined ? all : all.filter((one) => one.items === items);
  const likely = places.slice(0, 4).filter(({ as, score }) => as !== 'single' && score > 0);
  const place = isClose(places) && choosePlace !== undefined ? await choosePlace(likely) : places[0];
  const placed = withPlace(base, body, place);
  const names = namesOf(url, name, tableIn(base) ?? /(\w+)\??$/.exec(place?.items ?? '')?.[1]);
  const first = await reader.read(placed, { pages: 1 });
  const [wholePage = []] = first.pages;
  // A page of hundreds of thousands of records says no more than its first thousands, and takes minutes.
  const firstPage = wholePage.slice(0, MOST_RECORDS);
  if (firstPage.length === 0)
    throw first.error ?? new FatalError('records_none', 'no records were found in the answer');

  const found = await findPaging(
    {
      settings: placed,
      items: place?.items ?? '$',
      body: 'value' in body ? body.value : undefined,
      link: answer.headers.link,
      records: firstPage,
      isHuge: wholePage.length > MOST_RECORDS,
    },
    reader,
  );
  const paging = withoutTrial(found, { placed, place, records: firstPage, body, left: reader.recorder.left, sibling });
  const records = [...firstPage, ...paging.value.reading.pages.flatMap((page) => page.slice(0, MOST_RECORDS))];
  const written = writtenSince(base);
  const details = place?.as === 'list' ? await findDetails(firstPage, paging.value.settings, reader) : undefined;
  const isText = body.format === 'csv' || body.format === 'xml';
  const isSingle = place?.as === 'single';
  const main = understand(details?.records ?? records, { isText, isSingle, names, since: written?.name });
  if (main === undefined) throw new FatalError('key_none', noKey(records));
  const tried =
    main.version === undefined || details !== undefined
      ? undefined
      : await findChanges({
          settings: paging.value.settings,
          version: main.version.value,
          records,
          firstPage,
          body: 'value' in body ? body.value : undefined,
          written,
          reader,
        });
  const versionPath = main.version?.value.column.path;
  const taken = tried === undefined && details === undefined ? siblingChanges(sibling, versionPath) : undefined;
  const changes =
    taken === undefined ? tried : { ...taken, value: { ...paging.value.settings, incremental: taken.value } };
  const settings = await tunedSize(changes?.value ?? paging.value.settings, firstPage.length, reader, written?.place);
  const keepsVersion = changes !== undefined || main.version?.value.isOfCreation === false;
  const remarks: Record<string, Remark> = {
    items: {
      text: `${place?.found ?? `${body.format}, ${firstPage.length} records`}${othersIn(places, place)}`,
      isSure: place?.isGuessed !== true && (choosePlace !== undefined || !isClose(places)),
    },
    paging: { text: paging.reason, isSure: paging.isSure },
  };
  if (changes !== undefined) remarks.incremental = { text: changes.reason, isSure: changes.isSure };
  const entity = entityDraft(main, names, keepsVersion);
  const deleted = deletedWhen(main.columns);
  if (deleted !== undefined) remarks.deletes = { text: deleted.reason, isSure: deleted.isSure };
  const own: EndpointDraft = {
    id: names.endpoint,
    entity: names.entity,
    settings: { ...settings, ...(deleted === undefined ? {} : { deletes: { when: deleted.value } }) },
    remarks,
    records,
  };
  const family =
    details === undefined
      ? { entities: [entity], endpoints: [own] }
      : familyOf(
          own,
          entity,
          { settings: details.settings, records: details.records, property: details.property },
          records,
          names,
        );
  return {
    title: titleOf(url),
    ...family,
    limits: limitsIn(answer as Answer, url),
    notes: [...notesOf(records, main.columns.length, changes === undefined), ...fixedDaysIn(settings)],
  };
}

/** Of one page, to learn from. */
const MOST_RECORDS = 5_000;

interface Untried {
  readonly placed: Settings;
  readonly place: Place | undefined;
  readonly records: readonly unknown[];
  readonly body: Body;
  /** How many requests may still be sent. */
  readonly left: number;
  readonly sibling: Sibling | undefined;
}

/** Where nothing leads to a second page: what another collection has, or what the answer hints at if no more requests may be sent. */
function withoutTrial(found: Guess<Paging>, { placed, place, records, body, left, sibling }: Untried): Guess<Paging> {
  const { settings, reading } = found.value;
  if (settings.paging !== undefined) return found;
  const value = 'value' in body ? body.value : undefined;
  const taken = siblingPaging(sibling, value);
  if (taken !== undefined) return { ...taken, value: { settings: { ...placed, paging: taken.value }, reading } };
  if (found.isSure || left > 0) return found;
  const likely = likelyPaging(value, place?.items ?? '$', records.length, undefined);
  const paging = likely.value === undefined ? {} : { paging: likely.value };
  const reason = `${likely.reason}; not tried, since no more requests may be sent`;
  return { value: { settings: { ...placed, ...paging }, reading }, reason, isSure: false };
}

/** Where the records lie, as settings. */
function withPlace(base: Settings, { format }: Body, place: Place | undefined): Settings {
  const formatted = format === 'json' ? base : { ...base, format };
  if (place === undefined) return formatted;
  const items = place.items === '$' ? {} : { items: place.items };
  return { ...formatted, ...items, ...(place.as === 'list' ? {} : { as: place.as }), ...place.more };
}

const CLOSE = 15;
const isClose = ([first, second]: readonly Place[]): boolean =>
  first !== undefined &&
  second !== undefined &&
  second.as !== 'single' &&
  second.score > 0 &&
  first.score - second.score < CLOSE;

function othersIn(places: readonly Place[], taken: Place | undefined): string {
  const others = isClose(places) ? places.slice(0, 3).filter((one) => one !== taken && one.as !== 'single') : [];
  return others.length === 0
    ? ''
    : `; there is also ${others.map(({ items, found }) => `${found} at ${items}`).join(', and ')}`;
}

/** The list of addresses, and the records that they lead to. */
function familyOf(
  list: EndpointDraft,
  entity: EntityDraft,
  details: { settings: Settings; records: readonly unknown[]; property: string },
  records: readonly unknown[],
  names: Names,
) {
  const entryNames: Names = {
    entity: `${names.entity}_entry`,
    dataset: `${names.entity}_entries`,
    endpoint: `${names.endpoint}-list`,
  };
  const entries = understand(records, { isText: false, isSingle: false, names: entryNames, since: undefined });
  if (entries === undefined) throw new FatalError('key_none', noKey(records));
  const text = `the list gives hardly more than the address of each record: each is asked for by its ${details.property}, within the run of the list`;
  const { deletes: _ofDetails, ...settings } = list.settings;
  const child: EndpointDraft = {
    id: names.endpoint,
    entity: names.entity,
    settings: { parent: { endpoint: entryNames.endpoint }, ...details.settings },
    remarks: { parent: { text, isSure: true } },
    records: details.records,
  };
  return {
    entities: [entityDraft(entries, entryNames, false), entity],
    endpoints: [{ ...list, id: entryNames.endpoint, entity: entryNames.entity, settings }, child],
  };
}

/** What a query of the request reads: `SELECT Id FROM Account`. */
const tableIn = (settings: Settings): string | undefined =>
  Object.values(parametersOf(settings))
    .map((value) => /^\s*select\s[\s\S]+?\sfrom\s+(\w+)/i.exec(String(value))?.[1])
    .find((table) => table !== undefined);

const noKey = (records: readonly unknown[]): string =>
  `nothing tells the ${new Set(records.map((record) => JSON.stringify(record))).size} records apart, not even three columns together. ` +
  'Is there an address whose records have an id? If they have none, write the file by docs/own-api.md, with a key of your own';

/** Without query and user. */
const titleOf = (url: string): string => url.replace(/[?#].*$/s, '').replace(/\/\/[^@/]*@/, '//');

/** Days that the request names, and that no poll moves. */
function fixedDaysIn(settings: Settings): string[] {
  const names = Object.entries(parametersOf(settings))
    .filter(([, value]) => /^\d{4}-\d\d-\d\d/.test(String(value)))
    .map(([name]) => name);
  return names.length === 0
    ? []
    : [
        `each poll asks for the same days, since ${names.join(' and ')} stand in the request: put {{since}} or {{until}} in their place`,
      ];
}

function notesOf(records: readonly unknown[], columns: number, isWhole: boolean): string[] {
  const notes: string[] = [];
  if (records.length === 1) notes.push('only one record came: look at types and key once there are more');
  if (columns > 80) notes.push(`there are ${columns} columns; leave out those that nobody needs`);
  if (isWhole) notes.push('each poll reads everything: no parameter was found that asks for changes only');
  return notes;
}
