import { isMapping } from '@tributary/shared';
import { carrierOf, parametersOf, withParameters } from '../ask/settings.js';
import type { Settings } from '../guess.js';
import type { ChangesSearch } from './search.js';

/** A way to ask for changes in a language of the API's own. */
export interface Way {
  readonly settings: Settings;
  readonly reason: string;
}

/** Where the first poll begins: the condition stands in a text, so it cannot be left out. */
const INITIAL = '2000-01-01';
/** Without a zone, as databases write a time that has none. */
const LOCAL = "yyyy-MM-dd'T'HH:mm:ss";

/** Languages that are known by the request or by the answer; each way is tried before it is taken. */
export function inLanguage(search: ChangesSearch): Way[] {
  const languages = {
    query: [soql, jql, socrata, opendatasoft, lucene, airtable],
    body: [hubspot, notion],
    form: [],
    variables: [],
  };
  return languages[carrierOf(search.settings)].flatMap((language) => language(search));
}

/** A SELECT of Salesforce, or of another API that takes SQL. */
function soql({ settings, version: { column } }: ChangesSearch): Way[] {
  const found = Object.entries(parametersOf(settings)).find(([, value]) =>
    /^\s*select\s[\s\S]+\sfrom\s/i.test(String(value)),
  );
  if (found === undefined) return [];
  const [name, value] = found;
  const { head, condition, rest } = partsOf(String(value), /\s(group by|order by|limit|offset)\s/i, /\swhere\s/i);
  const field = column.steps.join('.');
  return ['{{since}}', "'{{since}}'"].map((since) => ({
    settings: {
      ...withParameters(settings, {
        [name]: `${head} WHERE ${field} >= ${since}${condition === '' ? '' : ` AND (${condition})`}${rest}`,
      }),
      incremental: { initial: INITIAL },
    },
    reason: `\`${name}\` is a query`,
  }));
}

/** Issues of Jira. A number is a moment; a text would be read in the time zone of the account. */
function jql({ settings, version: { column } }: ChangesSearch): Way[] {
  const given = parametersOf(settings).jql;
  if (typeof given !== 'string') return [];
  const { head, rest } = partsOf(` ${given}`, /\sorder by\s/i, /(?!)/);
  const field = String(column.steps.at(-1));
  const with_ = (since: string) => ({
    jql: `${field} >= ${since}${head.trim() === '' ? '' : ` AND (${head.trim()})`}${rest}`,
  });
  return [
    {
      settings: {
        ...withParameters(settings, with_('{{since}}')),
        incremental: { format: 'unix-ms', initial: INITIAL },
      },
      reason: '`jql` is a query',
    },
    {
      settings: {
        ...withParameters(settings, with_('"{{since}}"')),
        incremental: { format: 'yyyy-MM-dd HH:mm', initial: INITIAL, overlap: '1d' },
      },
      reason: '`jql` is a query, whose times are in the time zone of the account, so that a day is asked for again',
    },
  ];
}

/** Open data of Socrata: `/resource/abcd-1234.json`. */
function socrata({ settings, version: { column } }: ChangesSearch): Way[] {
  const given = parametersOf(settings).$where;
  if (!/\/resource\/\w{4}-\w{4}/.test(String(settings.url)) || column.steps.length > 1) return [];
  const condition = `${String(column.steps[0])} >= '{{since}}'`;
  return [
    {
      settings: {
        ...withParameters(settings, {
          $where: given === undefined ? condition : `${condition} AND (${String(given)})`,
        }),
        incremental: { format: LOCAL, initial: INITIAL },
      },
      reason: 'the address is one of Socrata, which filters by $where',
    },
  ];
}

/** Open data of Opendatasoft: `/api/explore/v2.1/…`. */
function opendatasoft({ settings, version: { column } }: ChangesSearch): Way[] {
  const given = parametersOf(settings).where;
  if (!String(settings.url).includes('/api/explore/v2') || column.steps.length > 1) return [];
  const condition = `${String(column.steps[0])} >= date'{{since}}'`;
  return [
    {
      settings: {
        ...withParameters(settings, { where: given === undefined ? condition : `${condition} AND (${String(given)})` }),
        incremental: { initial: INITIAL },
      },
      reason: 'the address is one of Opendatasoft, which filters by `where`',
    },
  ];
}

/** A search of Elasticsearch or OpenSearch. */
function lucene({ settings, body, version: { column } }: ChangesSearch): Way[] {
  const given = parametersOf(settings).q;
  const [wrapper, ...inside] = column.steps;
  if (wrapper !== '_source' || !JSON.stringify(body ?? null).includes('"hits"')) return [];
  const condition = `${inside.join('.')}:["{{since}}" TO *]`;
  return [
    {
      settings: {
        ...withParameters(settings, { q: given === undefined ? condition : `${condition} AND (${String(given)})` }),
        incremental: { initial: INITIAL },
      },
      reason: 'the answer is of Elasticsearch, which searches by `q`',
    },
  ];
}

/** Tables of Airtable: `{"id": "rec…", "createdTime": …, "fields": {…}}`, which a formula filters. */
function airtable({ settings, firstPage, version: { column } }: ChangesSearch): Way[] {
  const [wrapper, field] = column.steps;
  const isOfAirtable = firstPage.every(
    (record) => isMapping(record) && 'createdTime' in record && isMapping(record.fields),
  );
  if (!isOfAirtable || wrapper !== 'fields' || column.steps.length !== 2) return [];
  const given = parametersOf(settings).filterByFormula;
  // IS_AFTER would leave out a record that changed in the same moment as the last that came.
  const condition = `NOT(IS_BEFORE({${field}}, '{{since}}'))`;
  return [
    {
      settings: {
        ...withParameters(settings, {
          filterByFormula: given === undefined ? condition : `AND(${condition}, ${String(given)})`,
        }),
        incremental: { initial: INITIAL },
      },
      reason: 'the records are of Airtable, which filters by a formula',
    },
  ];
}

/** A search of HubSpot: `POST /crm/v3/objects/contacts/search`. It compares milliseconds. */
function hubspot({ settings, firstPage }: ChangesSearch): Way[] {
  if (!/\/crm\/v\d+\/objects\/[^?]+\/search$/.test(String(settings.url))) return [];
  const [record] = firstPage;
  const properties = isMapping(record) && isMapping(record.properties) ? Object.keys(record.properties) : [];
  // Contacts have the first name, all other objects the second.
  const propertyName = ['lastmodifieddate', 'hs_lastmodifieddate'].find((name) => properties.includes(name));
  if (propertyName === undefined) return [];
  const { filterGroups, sorts } = parametersOf(settings);
  const condition = { propertyName, operator: 'GTE', value: '{{since}}' };
  const groups = Array.isArray(filterGroups) && filterGroups.length > 0 ? filterGroups.filter(isMapping) : [{}];
  const narrowed = groups.map(({ filters, ...group }) => ({
    ...group,
    filters: [condition, ...(Array.isArray(filters) ? filters : [])],
  }));
  return [
    {
      settings: {
        ...withParameters(settings, {
          filterGroups: narrowed,
          sorts: sorts ?? [{ propertyName, direction: 'ASCENDING' }],
        }),
        incremental: { format: 'unix-ms', initial: INITIAL },
      },
      reason: 'the address is a search of HubSpot, which takes filters',
    },
  ];
}

/** A query of a database of Notion: `POST /v1/databases/ID/query`. */
function notion({ settings, version: { column } }: ChangesSearch): Way[] {
  const [timestamp] = column.steps;
  const isTimestamp = timestamp === 'last_edited_time' || timestamp === 'created_time';
  if (!isTimestamp || !/\/v1\/(databases|data_sources)\/[^/?]+\/query$/.test(String(settings.url))) return [];
  const { filter, sorts } = parametersOf(settings);
  const condition = { timestamp, [timestamp]: { on_or_after: '{{since}}' } };
  return [
    {
      settings: {
        ...withParameters(settings, {
          filter: filter === undefined ? condition : { and: [condition, filter] },
          sorts: sorts ?? [{ timestamp, direction: 'ascending' }],
        }),
        incremental: { initial: INITIAL },
      },
      reason: 'the address is a query of Notion, which takes a filter',
    },
  ];
}

/** A query in front of its end, such as ORDER BY, and apart from its condition. */
function partsOf(query: string, end: RegExp, condition: RegExp) {
  const at = end.exec(query)?.index ?? query.length;
  const [front, rest] = [query.slice(0, at), query.slice(at)];
  const found = condition.exec(front);
  return found === null
    ? { head: front, condition: '', rest }
    : { head: front.slice(0, found.index), condition: front.slice(found.index + found[0].length), rest };
}
