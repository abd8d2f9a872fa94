import { z } from 'zod';
import { defineInProcess } from '../configuration/check.js';
import { noFile, STAND_IN } from '../configuration/configuration.js';
import { LOOKS } from '../http/loads.js';
import { operation } from '../http/operation.js';
import { definitionProspect } from './answers.js';
import { checkQueue, matchOfQueue } from './criteria.js';

/** What the page shows is one definition after the other, each as a process and a look at the letters. */
const JUDGING = { burst: 30, perSecond: 1 };
/** Characters of a definition, and the bytes that they may take as JSON. */
const LONGEST = 100_000;
const LIMIT = 512 * 1024;

/** The consumer judges by the pipeline file: what would pass under another definition passes when the file has it. Nothing here writes it. */
export const definitionOperation = operation({
  method: 'post',
  path: '/dead-letters/definition',
  summary: 'How many that match would pass under another definition of their entity (YAML); nothing is changed',
  role: 'operator',
  rate: JUDGING,
  load: LOOKS,
  body: {
    schema: z.strictObject({
      match: matchOfQueue,
      definition: z.string().max(LONGEST).optional().describe('As in the pipeline file; what runs if it is left out'),
    }),
    limit: LIMIT,
  },
  answer: definitionProspect,
  async handler({ body: { match, definition }, signal }, { deadLetters, configuration }) {
    checkQueue(deadLetters, match.queue);
    if (configuration === undefined) throw noFile();
    const { file, text, standIns } = configuration;
    const entity = deadLetters.entityOf(match.queue);
    const onDisk = configuration.onDisk();
    const task = { file, text, standIns, standIn: STAND_IN, entity, definition, onDisk };
    const read = await defineInProcess(task, signal);
    const refused = { file, definition: definition ?? '', state: 'faulty', found: null } as const;
    if ('faults' in read) return { ...refused, faults: read.faults };
    const { config, ...told } = read;
    if (config.queue !== match.queue) {
      const message = `is "${config.queue}": these dead letters lie at ${match.queue}, and would be left behind there`;
      return { ...refused, faults: [{ path: `entities.${entity}.queue`, message }] };
    }
    return { file, ...told, faults: [], found: await deadLetters.tryDefinition(match, config, signal) };
  },
});
