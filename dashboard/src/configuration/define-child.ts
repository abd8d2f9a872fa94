/**
 * The process in which a new definition of an entity is read; see definition.ts. Like check-child.ts it has no environment, reads no file that
 * the text names, and never outlives its parent for long.
 */
import { isDeepStrictEqual } from 'node:util';
import { type EntityConfig, replaceEntity } from '@tributary/shared';
import { type Edited, faultsOf, readEdited, type ShownFault } from './edited.js';

export interface DefineTask extends Edited {
  readonly entity: string;
  /** That of the file as it runs if undefined. */
  readonly definition: string | undefined;
  /** The file as it is by now. */
  readonly onDisk: string | undefined;
}

/** Whether the definition is that which `runs`, that `in_file` alone, or a `new` one. */
export type DefinitionState = 'runs' | 'in_file' | 'new';

export type Defined =
  | { readonly config: EntityConfig; readonly definition: string; readonly state: DefinitionState }
  | { readonly faults: readonly ShownFault[] };

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.on('disconnect', () => process.exit(0));

process.on('message', (task: DefineTask) => {
  process.send?.(define(task));
});

function define(task: DefineTask): Defined {
  try {
    const { text, definition } = replaceEntity(task.text, task.entity, task.definition);
    const config = readEdited({ ...task, text }).entities[task.entity];
    if (config === undefined) return { faults: [{ path: `entities.${task.entity}`, message: 'is not in the file' }] };
    const isIn = (file: string | undefined) => isDeepStrictEqual(config, entityIn(task, file));
    return { config, definition, state: isIn(task.text) ? 'runs' : isIn(task.onDisk) ? 'in_file' : 'new' };
  } catch (error) {
    return { faults: faultsOf(error).faults };
  }
}

function entityIn(task: DefineTask, text: string | undefined): EntityConfig | undefined {
  try {
    return text === undefined ? undefined : readEdited({ ...task, text }).entities[task.entity];
  } catch {
    return undefined;
  }
}
