import { FatalError } from '@tributary/shared';
import { recordFinder } from '../../sources/rest/formats/records-at.js';
import { bodyOf } from '../ask/body.js';
import { settingsOf } from '../ask/settings.js';
import type { Target } from '../ask/target.js';
import type { Draft, Remark } from '../draft.js';
import { lastWordOf, namesOf } from '../names.js';
import { refuseForeign, refuseForeignIn } from '../placeholders.js';
import { deletedWhen } from '../records/deleted.js';
import { entityDraft, understand } from '../records/entity.js';
import type { Place } from '../records/place.js';
import { placesIn } from '../records/places.js';
import { refuseBody } from '../refusals.js';
import { likelyPaging, type Parameter } from './likely-paging.js';

export interface SampleOptions {
  /** An answer of the API, as it came. */
  readonly text: string;
  /** The request that it answers; its address is put in later unless given. */
  readonly target?: Target | undefined;
  readonly name?: string | undefined;
  /** What the sample is, for the comments: `sample.json`. */
  readonly from: string;
  /** All parameters that the request takes, if that is known. */
  readonly parameters?: readonly Parameter[] | undefined;
}

/** What an answer tells by itself: nothing is asked, and nothing is tried. @throws FatalError if it tells of no records */
export function draftOfSample({ text, target, name, from, parameters }: SampleOptions): Draft {
  const body = bodyOf(text);
  refuseBody(body, text);
  const url = target?.url ?? `https://api.example.org/${name ?? 'records'}`;
  const value = 'value' in body ? body.value : undefined;
  const [place] = 'value' in body ? placesIn(value, lastWordOf(url)) : [];
  const names = namesOf(url, name, /(\w+)\??$/.exec(place?.items ?? '')?.[1]);
  const records = 'records' in body ? body.records : place === undefined ? [] : recordsAt(value, place, body.format);
  const isSingle = place?.as === 'single';
  const found = understand(records, {
    isText: body.format === 'csv' || body.format === 'xml',
    isSingle,
    names,
    since: undefined,
  });
  if (found === undefined)
    throw new FatalError(
      'key_none',
      `nothing tells the ${records.length} records of ${from} apart; a sample with more of their fields would help`,
    );
  const paging = likelyPaging(value, place?.items ?? '$', records.length, parameters);
  const deleted = deletedWhen(found.columns);
  const remarks: Record<string, Remark> = {
    items: {
      text: `${place?.found ?? `${records.length} records`} in ${from}`,
      isSure: place?.isGuessed !== true,
    },
    paging: { text: `${paging.reason}; not tried`, isSure: false },
    ...(target === undefined ? { url: { text: 'put the address here', isSure: false } } : {}),
    ...(deleted === undefined ? {} : { deletes: { text: deleted.reason, isSure: deleted.isSure } }),
  };
  const items = place === undefined || place.items === '$' ? {} : { items: place.items };
  const settings = {
    ...(target === undefined ? { url } : settingsOf(target)),
    ...(body.format === 'json' ? {} : { format: body.format }),
    ...items,
    ...(place === undefined || place.as === 'list' ? {} : { as: place.as }),
    ...place?.more,
    ...(paging.value === undefined ? {} : { paging: paging.value }),
    ...(deleted === undefined ? {} : { deletes: { when: deleted.value } }),
  };
  const entities = [entityDraft(found, names, found.version?.value.isOfCreation === false)];
  refuseForeign(settings, target === undefined ? {} : settingsOf(target));
  refuseForeignIn(entities);
  return {
    title: from,
    entities,
    endpoints: [{ id: names.endpoint, entity: names.entity, settings, remarks, records }],
    notes: ['written from a sample: nothing was asked, so pages and what asks for changes are guesses'],
    secrets: {},
  };
}

/** The records of a body, as the source will take them. */
function recordsAt(body: unknown, { items, as, more }: Place, format: string): readonly unknown[] {
  const { within, header = 'first' } = more as {
    readonly within?: { readonly items?: string; readonly as?: Place['as'] };
    readonly header?: string | string[];
  };
  const inner = within === undefined ? undefined : { items: within.items ?? '$', as: within.as ?? 'list' };
  const find = recordFinder(
    { items, as, header, within: inner, errorWhen: undefined, graphql: undefined },
    format === 'xml',
  );
  return find(body, { status: 200, excerpt: () => '' }).records;
}
