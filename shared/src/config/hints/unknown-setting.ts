import { z } from 'zod';
import { either, expectedOneOf } from '../../words.js';
import { valueAtPath } from '../issues.js';
import { pipelineSchema } from '../schema.js';
import { namedByOthers, nearest, plain } from './nearest.js';
import { NOT_A_SETTING, OTHER_NAMES, type Section } from './other-names.js';
import { kindsWith, schemasAt, sectionOf, settingsAt } from './places.js';

/** A mapping with more settings than this is not listed in a fault. */
const MOST_LISTED = 14;

/**
 * What a person is told of a setting that does not exist: what it is called here, or where it belongs.
 *
 * @param path of the mapping that holds it
 * @param file in which everything is filled in
 */
export function describeUnknown(path: readonly PropertyKey[], name: string, file: unknown): string {
  const known = Object.keys(settingsAt(pipelineSchema, path, file));
  const unknown = `unknown setting ${name}`;
  const same = known.find((one) => plain(one) === plain(name));
  if (same !== undefined) return `${unknown}; here it is written ${same}`;
  const section = sectionOf(path);
  const ours = section === undefined ? [] : namedByOthers(name, OTHER_NAMES[section]).filter((one) => fits(one, known));
  if (ours.length > 0) return `${unknown}; here it is ${ours.map((one) => inWords(one, path, file)).join(', or ')}`;
  const instead = NOT_A_SETTING[plain(name)];
  if (instead !== undefined) return `${unknown}; ${instead}`;
  const kinds = kindsWith(pipelineSchema, path, file, name);
  if (kinds.length > 0) return `${unknown} of this type; ${either(kinds)} has it`;
  const near = nearest(name, known);
  if (near !== undefined) return `${unknown}; did you mean ${near}?`;
  const elsewhere = placesOf(name, path, file).map((place) => inWords(place, path, file));
  if (elsewhere.length > 0) return `${unknown}; it belongs elsewhere: ${elsewhere.join(', or ')}`;
  if (known.length === 0 || known.length > MOST_LISTED) return unknown;
  return `${unknown}: ${expectedOneOf(known)}`;
}

/** A setting of the same mapping has to be one of the kind that the mapping is. */
const fits = (ours: string, known: readonly string[]): boolean => ours.includes('.') || known.includes(ours);

/**
 * Where settings of this name exist, in the sections that have names of their own. What is said of a sink or a merge is not
 * meant for an endpoint or an entity, which have settings of the same names: only what is below it is looked at.
 */
function placesOf(name: string, path: readonly PropertyKey[], file: unknown): string[] {
  const [first] = path;
  if (first === 'sink' || first === 'merges') return placesBelow(name, path, file);
  const sections: Readonly<Partial<Record<Section, string>>> = {
    endpoint: 'endpoints.*',
    paging: 'endpoints.*.paging',
    incremental: 'endpoints.*.incremental',
    entity: 'entities.*',
    batch: 'batch',
  };
  return Object.values(sections)
    .map((section) => `${section}.${name}`)
    .filter((place) => schemasAt(pipelineSchema, place.split('.')).length > 0);
}

/** The mappings below one that have a setting of this name. */
function placesBelow(name: string, path: readonly PropertyKey[], file: unknown): string[] {
  const generic = path.map((step, index) => (path[0] === 'merges' && index === 1 ? '*' : String(step)));
  return Object.keys(settingsAt(pipelineSchema, path, file))
    .filter((below) => Object.hasOwn(settingsAt(pipelineSchema, [...path, below], file), name))
    .map((below) => [...generic, below, name].join('.'));
}

/** A setting with its full name, if it is not of the same mapping, and what it is for. */
function inWords(ours: string, path: readonly PropertyKey[], file: unknown): string {
  const place = ours.includes('.') ? ours.split('.') : [...path.map(String), ours];
  const [schema] = schemasAt(pipelineSchema, place);
  const words = schema instanceof z.ZodType ? schema.description : undefined;
  const name = ours.includes('.') ? place.map((step, index) => nameAt(step, index, place, path, file)).join('.') : ours;
  return words === undefined ? name : `${name} (${firstClause(words)})`;
}

/** The name that stands for `*`: this very endpoint, or the entity of its records. */
function nameAt(
  step: string,
  index: number,
  place: readonly string[],
  path: readonly PropertyKey[],
  file: unknown,
): string {
  if (step !== '*' || index !== 1) return step;
  const [section, name] = path;
  if (place[0] === section && name !== undefined) return String(name);
  const entity = section === 'endpoints' ? valueAtPath(file, [...path.slice(0, 2), 'entity']) : undefined;
  return place[0] === 'entities' && typeof entity === 'string' ? entity : 'NAME';
}

/** Descriptions begin with what matters. */
function firstClause(words: string): string {
  const clause = words.replace(/(?:[;:(]|\. ).*$/s, '').trim();
  return /^[A-Z][a-z]/.test(clause) ? `${clause.charAt(0).toLowerCase()}${clause.slice(1)}` : clause;
}
