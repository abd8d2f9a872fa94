/**
 * The process in which an edited pipeline file is checked; see check.ts, which starts it. It has no environment, reads no file that the text
 * names, and never outlives its parent for long.
 */
import { adviceOn, count, masksIn } from '@tributary/shared';
import { type Edited, faultsOf, filledIn, readEdited, type ShownFault } from './edited.js';

export interface Checked {
  readonly valid: boolean;
  readonly words: string;
  readonly faults: readonly ShownFault[];
  readonly notes: readonly string[];
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.on('disconnect', () => process.exit(0));

process.on('message', (edited: Edited) => {
  process.send?.(check(edited));
});

function check(edited: Edited): Checked {
  const { fresh, env } = filledIn(edited);
  const notes = fresh.map((name) => `${name} is not filled in here: set it for producer, consumer and dashboard`);
  if (masksIn(edited.text.replaceAll(/^\s*#.*$/gm, '')).length > 0)
    notes.push('stars stand in the place of secrets here: put those back before you use it, or the file is refused');
  try {
    const pipeline = readEdited(edited);
    const { endpoints, entities, sink } = pipeline;
    const found = [count(Object.keys(endpoints).length, 'endpoint'), `entities: ${Object.keys(entities).join(', ')}`];
    const words = `it is valid: ${found.join(', ')}; sink: ${sink.type}`;
    return {
      valid: true,
      words: words.slice(0, 2_000),
      faults: [],
      notes: [...notes, ...adviceOn(pipeline, env)].slice(0, 100),
    };
  } catch (error) {
    const { all, faults } = faultsOf(error);
    return { valid: false, words: `it has ${count(all, 'fault')}`, faults, notes };
  }
}
