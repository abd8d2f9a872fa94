import { Hierarchies, hierarchyFault } from '../privacy/hierarchy.js';
import type { Fault } from './fault.js';
import type { Field } from './fields.js';
import type { PipelineConfig } from './schema.js';

/** A hierarchy that is named in the pipeline file. */
export interface NamedHierarchy {
  /** The setting, such as `entities.customer.fields.city.protect`. */
  readonly path: string;
  readonly hierarchy: string;
  readonly level: number;
}

/** The hierarchies that fields are made coarser by. @param path where the fields stand */
export function* hierarchiesOf(fields: Readonly<Record<string, Field>>, path = ''): Generator<NamedHierarchy> {
  for (const [name, { protect, items }] of Object.entries(fields)) {
    const place = `${path}.${name}`;
    if (protect?.type === 'generalise' && protect.hierarchy !== undefined)
      yield { path: `${place}.protect`, hierarchy: protect.hierarchy, level: protect.level ?? 1 };
    if (items !== undefined) yield* hierarchiesOf(items, `${place}.items`);
  }
}

/**
 * What is wrong with the files of hierarchies. Producers need those of fields, and dashboards those of exports, so this is asked of a person's check, and not
 * whenever the file is read.
 */
export function* unusableHierarchies({ entities, exports }: PipelineConfig): Generator<Fault> {
  const named = Object.entries(entities).flatMap(([name, { fields }]) => [
    ...hierarchiesOf(fields, `entities.${name}.fields`),
  ]);
  for (const [name, { privacy }] of Object.entries(exports))
    for (const [column, levels] of Object.entries(privacy?.quasi ?? {}))
      for (const { hierarchy, level = 1 } of levels)
        if (hierarchy !== undefined) named.push({ path: `exports.${name}.privacy.quasi.${column}`, hierarchy, level });
  const hierarchies = new Hierarchies();
  for (const { path, hierarchy, level } of named) {
    const message = hierarchyFault(hierarchies, hierarchy, level);
    if (message !== undefined) yield { path, message };
  }
}
