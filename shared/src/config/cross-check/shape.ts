import { fieldsBefore, valueTypesFor, variablesOf } from '../../expressions/fields.js';
import { expectedOneOf } from '../../words.js';
import type { Fault } from '../fault.js';
import { type Field, mappedFields } from '../fields.js';
import type { EndpointConfig, PipelineConfig } from '../schema.js';
import { patternFault } from '../values.js';
import { checkExpression } from './expression.js';

type Fields = Readonly<Record<string, Field>>;

/** How raw records become canonical ones: what each field is made of, and which records are left out. */
export function* checkShape({ entities, endpoints }: PipelineConfig): Generator<Fault> {
  for (const [name, entity] of Object.entries(entities)) {
    const path = `entities.${name}.fields`;
    const fields = mappedFields(entity.fields, {});
    for (const [field, settings] of Object.entries(fields))
      yield* checkField(`${path}.${field}`, field, settings, fields);
  }
  for (const [id, endpoint] of Object.entries(endpoints)) {
    const fields = entities[endpoint.entity]?.fields;
    if (fields === undefined) continue;
    yield* checkEndpoint(`endpoints.${id}`, endpoint, fields);
    const { webhook } = endpoint;
    if (webhook === undefined) continue;
    yield* checkEndpoint(`endpoints.${id}.webhook`, { ...webhook, map: webhook.map ?? {} }, fields);
  }
}

/** What is said of the records of an endpoint, or of its events. */
interface Said extends Pick<EndpointConfig, 'map' | 'where'> {
  readonly deletes?: { readonly when?: string | undefined } | undefined;
}

function* checkEndpoint(path: string, { map, where, deletes }: Said, fields: Fields): Generator<Fault> {
  const mapped = mappedFields(fields, map);
  for (const name of Object.keys(map)) {
    const field = mapped[name];
    const place = `${path}.map.${name}`;
    if (field === undefined)
      yield { path: place, message: `no field "${name}": ${expectedOneOf(Object.keys(fields))}`, about: name };
    else yield* checkField(place, name, field, mapped);
  }
  if (where !== undefined) yield* checkExpression(`${path}.where`, where, variablesOf(mapped), ['bool']);
  if (deletes?.when === undefined) return;
  yield* checkExpression(`${path}.deletes.when`, deletes.when, variablesOf(mapped), ['bool']);
}

function* checkField(path: string, name: string, field: Field, fields: Fields): Generator<Fault> {
  const { type, from, unit, format, zone, value, items = {} } = field;
  const isTime = type === 'datetime' || type === 'date';
  if (!isTime && [unit, format, zone].some((setting) => setting !== undefined)) {
    yield { path, message: `a field of type ${type} has no unit, format and zone: they are for datetime and date` };
  }
  if (unit !== undefined && zone !== undefined && type === 'datetime') {
    yield { path: `${path}.zone`, message: 'a number counts from 1970 in UTC, wherever it is: leave zone out' };
  }
  if (unit !== undefined && format !== undefined) {
    yield { path, message: 'unit is for numbers and format for text: expected one of them' };
  }
  const fault = format === undefined ? undefined : patternFault(format);
  if (fault !== undefined) yield { path: `${path}.format`, message: `"${format}" is no pattern of time: ${fault}` };
  if (value !== undefined && type === 'list') {
    yield { path: `${path}.value`, message: 'a list cannot be computed: expected from, the path of the list' };
  } else if (value !== undefined) {
    if (from !== undefined || unit !== undefined || format !== undefined) {
      yield { path, message: 'value computes the field: leave from, unit and format out' };
    }
    if (zone !== undefined) {
      yield { path: `${path}.zone`, message: 'value computes the field, and moments are in UTC there: leave zone out' };
    }
    const variables = variablesOf(fieldsBefore(fields, name));
    yield* checkExpression(`${path}.value`, value, variables, valueTypesFor(type));
  }
  for (const [item, settings] of Object.entries(items)) {
    if (settings.value !== undefined) {
      yield { path: `${path}.items.${item}.value`, message: 'only a field of the record itself can be computed' };
    } else yield* checkField(`${path}.items.${item}`, item, settings, items);
  }
}
