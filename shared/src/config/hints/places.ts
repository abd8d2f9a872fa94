import type { z } from 'zod';
import { valueAtPath } from '../issues.js';
import { alternativesOf, constantsOf, type Definition, definitionOf, nearestForm } from '../schema-forms.js';
import type { Section } from './other-names.js';

type Shape = Readonly<Record<string, z.core.$ZodType>>;

const SECTIONS: Readonly<Record<string, Section>> = {
  paging: 'paging',
  auth: 'auth',
  incremental: 'incremental',
  deletes: 'deletes',
  schedule: 'schedule',
  resync: 'schedule',
};

/** The section that the settings of a mapping belong to; undefined for one that no other tool has. */
export function sectionOf(path: readonly PropertyKey[]): Section | undefined {
  const [first, , third] = path;
  if (path.length === 0) return 'pipeline';
  if (first === 'entities') return path.length === 2 ? 'entity' : 'field';
  if (first === 'endpoints') return path.length === 2 ? 'endpoint' : SECTIONS[String(third)];
  if (first === 'merges') return 'merge';
  return first === 'sink' || first === 'batch' ? first : undefined;
}

/** The forms that the mapping at a path can have. @param file with what stands there, which says what kind each mapping is */
function formsAt(schema: z.core.$ZodType, path: readonly PropertyKey[], file: unknown): readonly Definition[] {
  const [step, ...rest] = path;
  const forms = alternativesOf(schema).map(definitionOf);
  if (step === undefined) return forms;
  const form = nearestForm(Object(file), forms) ?? forms.find(({ type }) => type === 'array');
  const inner = form === undefined ? undefined : innerOf(form, String(step));
  return inner === undefined ? [] : formsAt(inner, rest, valueAtPath(file, [step]));
}

function innerOf(form: Definition, step: string): z.core.$ZodType | undefined {
  if (form.type === 'object') return form.shape[step];
  if (form.type === 'record') return form.valueType;
  return form.type === 'array' ? form.element : undefined;
}

/** The settings that the mapping at a path may have. */
export function settingsAt(schema: z.core.$ZodType, path: readonly PropertyKey[], file: unknown): Shape {
  const form = nearestForm(Object(valueAtPath(file, path)), formsAt(schema, path, file));
  return form?.type === 'object' ? form.shape : {};
}

/** The kinds of the mapping at a path that have a setting, where that one has not: `page` and `offset` for `first`. */
export function kindsWith(
  schema: z.core.$ZodType,
  path: readonly PropertyKey[],
  file: unknown,
  name: string,
): string[] {
  return formsAt(schema, path, file).flatMap((form) => {
    if (form.type !== 'object' || !Object.hasOwn(form.shape, name)) return [];
    const kind = form.shape.type;
    return kind === undefined ? [] : constantsOf(definitionOf(kind)).map(String);
  });
}

/** Every schema that a setting can have, by its path from the beginning of the file; `*` stands for a chosen name. */
export function schemasAt(schema: z.core.$ZodType, path: readonly string[]): readonly z.core.$ZodType[] {
  const [step, ...rest] = path;
  if (step === undefined) return [schema];
  return alternativesOf(schema).flatMap((form) => {
    const inner = innerOf(definitionOf(form), step);
    return inner === undefined ? [] : schemasAt(inner, rest);
  });
}
