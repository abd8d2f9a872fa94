import { isMapping } from '@tributary/shared';
import { carrierOf, withParameters } from '../ask/settings.js';
import type { Guess } from '../guess.js';
import { AFTER_LAST, BEFORE_LAST, findName } from './names.js';
import type { Found, Paging, Trial } from './trial.js';

/** What takes the last id, if the ids grow, or become less. */
export function namesByOrder(records: readonly unknown[]): readonly string[] {
  const ids = records.map((record) => (isMapping(record) ? String(record.id) : ''));
  if (!ids.every((id) => /^\d+$/.test(id))) return [];
  const numbers = ids.map(BigInt);
  const grows = (sign: 1 | -1) =>
    numbers.every(
      (one, index) =>
        index === 0 || (sign === 1 ? one > (numbers[index - 1] ?? one) : one < (numbers[index - 1] ?? one)),
    );
  return grows(-1) ? BEFORE_LAST : grows(1) ? AFTER_LAST : [];
}

/** Nothing to go on with but the id of the last record. */
export async function findByLastId(
  { page, told }: Found,
  trial: Trial,
  taking: readonly string[],
): Promise<Guess<Paging> | undefined> {
  const { settings, records, items } = page;
  const last = records.at(-1);
  if (!isMapping(last) || last.id === undefined || taking.length === 0) return undefined;
  const id = String(last.id);
  const name = await findName(taking, (names) =>
    trial.differs(withParameters(settings, Object.fromEntries(names.map((one) => [one, id])))),
  );
  if (name === undefined) return undefined;
  const next = `${items === '$' ? '$' : items}[-1].id`;
  const { place, paging } =
    carrierOf(settings) === 'query'
      ? { place: settings, paging: { type: 'cursor', next, parameter: name, ...told.flags } }
      : {
          place: withParameters(settings, { [name]: '{{cursor}}' }),
          paging: { type: 'cursor', next, ...told.flags },
        };
  return await trial.prove(
    { ...place, paging },
    `${told.more === true ? 'the page says that more follows' : 'the page is full'}, and \`${name}\` takes the id of the last record`,
  );
}
