import { z } from 'zod';
import { Written } from './written-value.js';

export type Definition = z.core.$ZodTypes['_zod']['def'];

/** The definition of what a schema takes: behind its default, its transformations and whatever else wraps it. */
export function definitionOf(schema: z.core.$ZodType): Definition {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
    case 'nonoptional':
    case 'readonly':
    case 'catch':
      return definitionOf(def.innerType);
    case 'lazy':
      return definitionOf(def.getter());
    case 'pipe':
      return definitionOf(definitionOf(def.in).type === 'transform' ? def.out : def.in);
    default:
      return def;
  }
}

/** The alternatives of a choice, and those of the choices within it; anything else is its only alternative. */
export function alternativesOf(schema: z.core.$ZodType): readonly z.core.$ZodType[] {
  const def = definitionOf(schema);
  return def.type === 'union' ? def.options.flatMap(alternativesOf) : [schema];
}

/** The values that a form is, if it is a choice of constants. */
export const constantsOf = (form: Definition): readonly unknown[] => (form.type === 'literal' ? form.values : []);

/**
 * The form that a mapping has: of those whose constants it does not contradict (`type: cursor` is no `type: page`), the one that
 * knows most of its settings.
 */
export function nearestForm(mapping: object, forms: readonly Definition[]): Definition | undefined {
  const possible = forms.filter((form) => form.type === 'object' || form.type === 'record');
  const scored = possible.map((form) => ({ form, known: form.type === 'object' ? likeness(mapping, form.shape) : 0 }));
  return scored.sort((a, b) => b.known - a.known)[0]?.form;
}

function likeness(mapping: object, shape: Readonly<Record<string, z.core.$ZodType>>): number {
  const values = new Map(Object.entries(mapping));
  let known = 0;
  for (const [name, schema] of Object.entries(shape)) {
    const value = values.get(name);
    if (value !== undefined) known += 1;
    const constants = constantsOf(definitionOf(schema));
    if (constants.length === 0 || (value === undefined && z.safeParse(schema, undefined).success)) continue;
    const text = value instanceof Written ? value.text : String(value);
    if (!constants.map(String).includes(text)) return -1;
    known += 1;
  }
  return known;
}
