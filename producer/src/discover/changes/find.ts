import { compilePath, isMapping } from '@tributary/shared';
import { carrierOf, parametersOf, withParameters } from '../ask/settings.js';
import type { Guess, Settings } from '../guess.js';
import { findName } from '../paging/names.js';
import { momentOf, type Version } from '../records/version.js';
import { inLanguage } from './languages.js';
import { changeParameters } from './names.js';
import type { ChangesSearch } from './search.js';
import { writtenVersion } from './write-version.js';

/**
 * Finds how an API is asked for changes only, and proves it: asked for what is newer than some of the records that came, it has to leave
 * out the older ones.
 *
 * @returns the settings with `incremental`; undefined if nothing was found
 */
export async function findChanges(search: ChangesSearch): Promise<Guess<Settings> | undefined> {
  const { settings, written, version } = search;
  if (written !== undefined) {
    const placed = { ...written.place(settings), incremental: written.incremental };
    const isProved = await proves(search, [placed]);
    const said = isProved
      ? '; tried: asked with a later time, it leaves out what is older'
      : '; asked with a later time, it did not leave out what is older, or that could not be tried';
    return { value: placed, reason: written.reason + said, isSure: isProved };
  }
  if (version.column.type !== 'datetime' || bounds(search) === undefined) return undefined;
  for (const { settings: placed, reason } of [...odata(search), ...declared(search), ...inLanguage(search)]) {
    if (await proves(search, [placed]))
      return { value: placed, reason: `${reason}; tried: it leaves out what is older`, isSure: true };
  }
  if (carrierOf(settings) !== 'query') return undefined;
  const used = new Set([
    ...Object.keys(parametersOf(settings)),
    ...Object.values(isMapping(settings.paging) ? settings.paging : {}).map(String),
  ]);
  const { steps } = version.column;
  const names = (search.names ?? changeParameters(String(steps.at(-1)), steps.join('.'))).filter(
    (name) => !used.has(name),
  );
  const own = formatOf(version);
  // Records may hold seconds since 1970 where the parameter takes a text.
  for (const format of own === undefined ? [undefined] : [own, undefined]) {
    const name = await nameOf(search, names, format);
    if (name === undefined) continue;
    const incremental = { parameter: name, ...(format === undefined ? {} : { format }) };
    return {
      value: { ...settings, incremental },
      reason: `tried: with \`${name}\` it leaves out what is older`,
      isSure: true,
    };
  }
  return undefined;
}

/** How many names are tried alone, where the API refuses those that it does not know. */
const ONE_BY_ONE = 3;

/** The name that asks for changes, of many that could. */
async function nameOf(
  search: ChangesSearch,
  names: readonly string[],
  format: string | undefined,
): Promise<string | undefined> {
  const { recorder } = search.reader;
  const all = async (some: readonly string[]) =>
    recorder.left > 0 && (await proves(search, [namesAtOnce(search, some, format)]));
  // Some frameworks take a name in brackets for a value to compare with, and give nothing: those are asked apart.
  const isPlain = (one: string) => !/[[\]<>]/.test(one);
  const plain = await findName(names.filter(isPlain), all);
  if (plain !== undefined) return plain;
  const isStrict = recorder.isRefused;
  const bracketed = await findName(
    names.filter((one) => !isPlain(one)),
    all,
  );
  if (bracketed !== undefined || !isStrict) return bracketed;
  for (const name of names.filter(isPlain).slice(0, ONE_BY_ONE)) if (await all([name])) return name;
  return undefined;
}

const formatOf = ({ column: { unit } }: Version): string | undefined =>
  unit === undefined ? undefined : unit === 's' ? 'unix' : 'unix-ms';

/** All these parameters in one request, each with the time. */
function namesAtOnce({ settings }: ChangesSearch, names: readonly string[], format: string | undefined): Settings {
  const [, ...others] = names;
  const parameters = Object.fromEntries(others.map((name) => [name, '{{since}}']));
  const first = withParameters(settings, { ...parameters, [names[0] ?? 'since']: '{{since}}' });
  return { ...first, incremental: format === undefined ? {} : { format } };
}

/** OData 2 and 4 have a language for it. */
function odata({ settings, body, version }: ChangesSearch) {
  const text = JSON.stringify(body ?? null).slice(0, 5_000);
  const given = parametersOf(settings);
  if (
    given.$filter !== undefined ||
    carrierOf(settings) !== 'query' ||
    !/"@odata\.|"__metadata"|"d":\{"results"/.test(text)
  )
    return [];
  const field = version.column.steps.join('/');
  const literals = /"__metadata"|"d":/.test(text)
    ? ["datetimeoffset'{{since}}'", "datetime'{{since}}'"]
    : ['{{since}}'];
  const initial = '2000-01-01';
  return literals.map((literal) => ({
    settings: { ...withParameters(settings, { $filter: `${field} ge ${literal}` }), incremental: { initial } },
    reason: 'the answer is of OData, which filters by $filter',
  }));
}

/** A variable of a GraphQL query that is called like it. */
function declared({ settings, version }: ChangesSearch) {
  const query = isMapping(settings.graphql) ? String(settings.graphql.query) : '';
  const names = [...query.matchAll(/\$(\w+)\s*:\s*(\w+)/g)].filter(
    ([, name = '', type = '']) =>
      /since|after|from|min/i.test(name) && /date|time|int|string/i.test(type) && !/cursor/i.test(name),
  );
  return names
    .filter(([, name = '']) => name !== 'after')
    .map(([, name = '']) => {
      const format = formatOf(version);
      return {
        settings: {
          ...withParameters(settings, { [name]: '{{since}}' }),
          incremental: format === undefined ? {} : { format },
        },
        reason: `the query declares $${name}`,
      };
    });
}

/** A version between those that came: some of the first page's records are older, and some records are not. */
function bounds({ version: { column }, records, firstPage }: ChangesSearch) {
  const { read } = compilePath(column.path);
  const momentsOf = (some: readonly unknown[]) =>
    some.map((record) => momentOf(read(record), column)).filter((moment) => moment !== undefined);
  const different = [...new Set(momentsOf(records))].sort();
  const since = different.at(-2) ?? '';
  const least = momentsOf(firstPage).sort()[0] ?? '';
  return different.length >= 2 && least < (different.length === 2 ? (different[1] ?? '') : since)
    ? { since: different.length === 2 ? (different[1] ?? '') : since, momentsOf }
    : undefined;
}

/** Whether one of these settings leaves out what is older than a version. */
async function proves(search: ChangesSearch, ways: readonly Settings[]): Promise<boolean> {
  const bound = bounds(search);
  if (bound === undefined) return false;
  const { since, momentsOf } = bound;
  for (const settings of ways) {
    const incremental = isMapping(settings.incremental) ? settings.incremental : {};
    const { written, from } = writtenVersion(since, incremental, search.version.column.type);
    const { pages, error } = await search.reader.read(settings, { pages: 1, since: written });
    const [page = []] = pages;
    const moments = momentsOf(page);
    const isOlder = momentsOf(search.firstPage).some((moment) => moment < from);
    if (error === undefined && isOlder && moments.length > 0 && moments.every((moment) => moment >= from)) return true;
  }
  return false;
}
