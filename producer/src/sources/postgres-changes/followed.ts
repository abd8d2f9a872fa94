import { columnOf, type Field, keyFieldsOf, mappedFields } from '@tributary/shared';
import type { Endpoint, EndpointFrom } from '../../endpoint.js';
import type { TableFacts } from './catalog.js';

/** A table that is followed, as its endpoint says. */
export interface Followed {
  readonly endpoint: Endpoint;
  /** As the endpoint writes it. */
  readonly table: string;
  /** The entity's, as the endpoint's map says. */
  readonly fields: Readonly<Record<string, Field>>;
  /** The columns that the key is read from. */
  readonly key: readonly string[];
  /** For how long a person can go back in its changes, in milliseconds. */
  readonly keep: number;
}

/** A table that was found in the database. */
export interface FoundTable extends Followed {
  readonly facts: TableFacts;
  /** The columns that changes tell. */
  readonly columns: readonly string[];
}

/** The tables of an endpoint and of those that share its slot. */
export function followedBy(endpoint: EndpointFrom<'postgres-changes'>): readonly Followed[] {
  return [endpoint, ...endpoint.members].map((one) => {
    const { config, entity } = one;
    if (config.source !== 'postgres-changes') throw new Error(`${one.id} shares a slot and follows no table`);
    const fields = mappedFields(entity.config.fields, config.map);
    // That each is one column was checked with the configuration.
    const key = keyFieldsOf(entity.config).map((name) => columnOf(name, fields[name]?.from) ?? name);
    return { endpoint: one, table: config.table, fields, key, keep: config.keep };
  });
}
