import { readFileSync } from 'node:fs';
import { uniqueName } from '../../services/handle.js';
import { ROOT } from './program.js';
import { removeAtEnd, type Servers } from './servers.js';
import type { Stage } from './stage.js';

/** A pipeline that nobody else has: its name is that of its exchange and begins its Redis keys. */
export interface OwnPipeline {
  readonly name: string;
  readonly file: string;
  /** The queues of its entities, without those of their dead letters. */
  readonly queues: readonly string[];
}

/**
 * The pipeline.yaml of this repository under a name of its own, with queues of its own.
 * @param servers where it will run and leave something; undefined for servers in memory
 * @param edits pairs of a text of the file and what stands there instead
 * @throws Error naming an edit whose text is not in the file
 */
export function demoPipeline(
  stage: Stage,
  servers: Servers | undefined,
  edits: readonly (readonly [from: string, to: string])[] = [],
): OwnPipeline {
  const name = uniqueName('e2e');
  const queues = ['customer_data', 'inventory_data'].map((queue) => `${name}.${queue}`);
  let text = `name: ${name}\n${readFileSync(`${ROOT}pipeline.yaml`, 'utf8')}`;
  const all = [
    ...edits,
    ['queue: customer_data', `queue: ${queues[0]}`],
    ['queue: inventory_data', `queue: ${queues[1]}`],
  ];
  for (const [from = '', to = ''] of all) {
    if (!text.includes(from)) throw new Error(`pipeline.yaml has no "${from}" any more`);
    text = text.replaceAll(from, to);
  }
  if (servers !== undefined) removeAtEnd(stage, servers, name, queues);
  return { name, file: stage.write(`${name}.yaml`, text), queues };
}
