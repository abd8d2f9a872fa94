import {
  compilePath,
  type EndpointConfig,
  type EntityConfig,
  type Field,
  isMapping,
  mappedFields,
  pathToName,
  UNKNOWN_FIELDS,
  UNREADABLE,
} from '@tributary/shared';
import { CONTEXT, Unreadable } from '../sources/port.js';
import { type Convert, converterOf } from './convert.js';
import type { ShapeEvents } from './endpoint-findings.js';
import { type Conditions, RecordExpressions } from './expressions.js';
import { NO_KEYS, type ProtectionKeys } from './protect/keys.js';
import { compileProtection, concealed, type ProtectRecord } from './protect/protected-record.js';
import { Tombstones } from './tombstones.js';

/** What became of a raw record. */
export interface Shaped {
  /** In canonical form; a value that cannot be converted stays as it came, and the consumer dead-letters its record. */
  readonly record: unknown;
  /** Whether the endpoint's `where` leaves it out. */
  readonly isFiltered: boolean;
  /** Whether the endpoint's `deletes.when` holds of it: the record is a tombstone then. */
  readonly isDeleted: boolean;
}

/** Makes canonical records of raw ones. Compiled once for each endpoint; it loses no record. */
export interface Shape {
  /** @returns the same object each time, until the next call: one for each record would cost more than the shaping */
  of(raw: unknown): Shaped;
  /** Tells what was found since the last call that a person should know. */
  tell(): void;
}

interface ShapedField {
  readonly name: string;
  readonly optional: boolean;
  read(raw: unknown): unknown;
  readonly convert: Convert;
}

/** The part of `deletes` that is about single records. */
interface DeletesWhen {
  readonly when?: string | undefined;
}

/**
 * @param keys what its protections need
 * @throws FatalError if a key is missing
 */
export function compileShape(
  entity: EntityConfig,
  { map, where, deletes }: Pick<EndpointConfig, 'map' | 'where'> & { readonly deletes?: DeletesWhen | undefined },
  events: ShapeEvents,
  keys: ProtectionKeys = NO_KEYS,
): Shape {
  const fields = mappedFields(entity.fields, map);
  const protect = compileProtection(fields, keys, entity.dataset, (place) => events.notInHierarchy(place));
  const told = protect === undefined ? events : new DiscreetEvents(events);
  return new CompiledShape(entity, fields, { where, deleted: deletes?.when }, told, protect);
}

/** Of an entity with protected fields, no value may stand in a log line. */
class DiscreetEvents implements ShapeEvents {
  readonly #events: ShapeEvents;

  constructor(events: ShapeEvents) {
    this.#events = events;
  }

  unknownField(name: string, value: unknown, record: unknown): void {
    this.#events.unknownField(name, value, record);
  }

  cut(field: string): void {
    this.#events.cut(field);
  }

  notInHierarchy(field: string): void {
    this.#events.notInHierarchy(field);
  }

  failed(place: string): void {
    this.#events.failed(place, 'its words are not shown: they may hold a value of a protected field');
  }

  tell(): void {
    this.#events.tell();
  }
}

class CompiledShape implements Shape {
  readonly #record: ReturnType<typeof compileRecord>;
  readonly #expressions: RecordExpressions | undefined;
  readonly #isOfLists: boolean;
  readonly #known: ReadonlySet<string>;
  readonly #gathers: boolean;
  readonly #events: ShapeEvents;
  readonly #tombstones: Tombstones;
  readonly #protect: ProtectRecord | undefined;
  readonly #shaped = { record: undefined as unknown, isFiltered: false, isDeleted: false };

  constructor(
    entity: EntityConfig,
    fields: Readonly<Record<string, Field>>,
    conditions: Conditions,
    events: ShapeEvents,
    protect: ProtectRecord | undefined,
  ) {
    // What is computed or gathered is not read from the raw record.
    const own = Object.entries(fields).filter(
      ([name, { value }]) => value === undefined && (entity.unknownFields !== 'keep' || name !== UNKNOWN_FIELDS),
    );
    const steps = own.map(([name, field]) => firstStep(name, field));
    const expressions = new RecordExpressions(fields, conditions, events);
    this.#expressions = expressions.areNone ? undefined : expressions;
    this.#record = compileRecord(Object.fromEntries(own), events, '');
    this.#isOfLists = steps.some((step) => typeof step !== 'string');
    this.#known = new Set([...steps.filter((step) => typeof step === 'string'), ...expressions.rawNames]);
    this.#gathers = entity.unknownFields !== 'tell';
    this.#events = events;
    this.#tombstones = new Tombstones(entity);
    this.#protect = protect;
  }

  of(raw: unknown): Shaped {
    const shaped = this.#shaped;
    shaped.record = raw;
    shaped.isFiltered = false;
    shaped.isDeleted = false;
    const isProtected = this.#protect !== undefined;
    if (raw instanceof Unreadable) {
      shaped.record = isProtected
        ? { [UNREADABLE]: withoutQuotes(raw.fault), text: concealed(raw.text) }
        : { [UNREADABLE]: raw.fault, text: raw.text };
      return shaped;
    }
    // What is no object has no fields, unless they are found by their place.
    if (!isMapping(raw) && !this.#isOfLists) {
      if (isProtected) shaped.record = { [UNREADABLE]: 'it is no object, and not shown', text: concealed(raw) };
      return shaped;
    }
    const record = this.#record(raw);
    shaped.record = record;
    const fate = this.#expressions?.apply(raw, record);
    this.#protect?.(record);
    if (isMapping(raw)) this.#noteUnknown(raw, record);
    shaped.isFiltered = fate === 'filtered';
    shaped.isDeleted = fate === 'deleted';
    if (shaped.isDeleted) shaped.record = this.#tombstones.of(record);
    return shaped;
  }

  tell(): void {
    this.#events.tell();
  }

  #noteUnknown(raw: Record<string, unknown>, record: Record<string, unknown>): void {
    let unknown: Record<string, unknown> | undefined;
    for (const name of Object.keys(raw)) {
      if (this.#known.has(name) || OF_THE_REQUEST.has(name)) continue;
      this.#events.unknownField(name, raw[name], record);
      if (!this.#gathers) continue;
      // A name such as __proto__ would be no property of a plain object.
      unknown ??= Object.create(null) as Record<string, unknown>;
      unknown[name] = this.#protect === undefined ? raw[name] : concealed(raw[name]);
    }
    if (unknown !== undefined) record[UNKNOWN_FIELDS] = unknown;
  }
}

/** Words of parsers quote what they could not read, also in part, and with quotes of its own within. */
const withoutQuotes = (fault: string): string => fault.replace(/["'`][\s\S]*["'`]|["'`][\s\S]*/, '…');

/** What a record holds of the request and the answer that brought it is no field of its own. */
const OF_THE_REQUEST: ReadonlySet<string> = new Set(Object.values(CONTEXT));

/** The property of the raw record that a field begins with; a place in a list, or undefined for the whole of it. */
const firstStep = (name: string, { from }: Field) => (from === undefined ? name : compilePath(from).steps[0]);

/** @param within the names of the lists that these fields are in, for a person */
function compileRecord(fields: Readonly<Record<string, Field>>, events: ShapeEvents, within: string) {
  const shaped = Object.entries(fields).map(([name, field]) => compileField(name, field, events, within));
  // A plain object cannot hold a field that is called as what every object inherits.
  const isInherited = Object.keys(fields).some((name) => name in Object.prototype);
  return (raw: unknown): Record<string, unknown> => {
    const record: Record<string, unknown> = isInherited ? Object.create(null) : {};
    for (const { name, optional, read, convert } of shaped) {
      const value = read(raw);
      if (value === undefined || (optional && (value === null || value === ''))) continue;
      record[name] = convert(value);
    }
    return record;
  };
}

function compileField(name: string, field: Field, events: ShapeEvents, within: string): ShapedField {
  const { optional, from, type, items = {} } = field;
  const { read } = from === undefined ? pathToName(name) : compilePath(from);
  const place = `${within}${name}`;
  const convert =
    type === 'list' ? compileList(items, events, place) : converterOf({ ...field, type }, () => events.cut(place));
  return { name, optional, read, convert };
}

function compileList(items: Readonly<Record<string, Field>>, events: ShapeEvents, place: string): Convert {
  const record = compileRecord(items, events, `${place}.`);
  const isOfValues = Object.entries(items).some(([name, field]) => typeof firstStep(name, field) !== 'string');
  const item = (raw: unknown) => (isMapping(raw) || isOfValues ? record(raw) : raw);
  // In XML, and in JSON that was made of it, one element alone is no list.
  return (value) => (Array.isArray(value) ? value.map(item) : isMapping(value) ? [item(value)] : value);
}
