import { keyFieldsOf } from '../../records/key.js';
import type { Fault } from '../fault.js';
import { mappedFields } from '../fields.js';
import { placeholdersIn } from '../placeholders.js';
import type { EndpointOf, EntityConfig, PipelineConfig } from '../schema.js';
import { hasOwnOrder } from '../source-facts.js';
import { columnOf } from './sql.js';

/** What the changes of a table cannot be followed for. */
export function* checkChanges(
  path: string,
  endpoint: EndpointOf<'postgres-changes'>,
  entity?: EntityConfig,
): Generator<Fault> {
  if (endpoint.parent !== undefined || Object.keys(endpoint.for).length > 0) {
    const setting = endpoint.parent === undefined ? 'for' : 'parent';
    const message = 'a table is not followed for the records of a parent, or for each value of a list: leave it out';
    yield { path: `${path}.${setting}`, message };
  }
  if (endpoint.deletes?.missing === true) {
    const message =
      'the log of the database tells each row that is deleted, and after a copy what is missing: leave it out';
    yield { path: `${path}.deletes.missing`, message };
  }
  if (endpoint.webhook !== undefined) {
    const message = 'the log of the database tells every change, and events go by another order: leave it out';
    yield { path: `${path}.webhook`, message };
  }
  const [placed] = placeholdersIn([endpoint.url, endpoint.table]);
  if (placed !== undefined) {
    yield { path, message: `{{${placed}}} is filled by nothing here: a table is followed as a whole` };
  }
  if (entity === undefined) return;
  const fields = mappedFields(entity.fields, endpoint.map);
  for (const name of keyFieldsOf(entity)) {
    const field = fields[name];
    if (field === undefined) continue;
    if (field.value === undefined && columnOf(name, field.from) !== undefined) continue;
    const message = `the field "${name}" is not one column as it is, and of a row that is deleted only columns of the key are told: expected a path such as $.${name}`;
    yield { path: `${path}.map.${name}`, message };
  }
}

/** Changes go by the order of the log. Records that go by another order cannot be compared with them. */
export function* checkOrders({ endpoints }: PipelineConfig): Generator<Fault> {
  for (const [id, endpoint] of Object.entries(endpoints)) {
    if (!hasOwnOrder(endpoint)) continue;
    const { entity } = endpoint;
    const other = Object.entries(endpoints).find(([, its]) => its.entity === entity && !hasOwnOrder(its));
    if (other === undefined) continue;
    const message = `"${other[0]}" brings records of "${entity}" too, and by another order: of a key that both bring, the newer one could not be told. Give one of them an entity of its own`;
    yield { path: `endpoints.${id}.entity`, message };
  }
}
