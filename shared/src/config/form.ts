import type { z } from 'zod';

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
