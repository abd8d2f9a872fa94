import { z } from 'zod';
import type { Context } from '../http/context.js';
import { CHECKS } from '../http/loads.js';
import { type Operation, operation } from '../http/operation.js';
import { checkInProcess } from './check.js';
import { noFile, STAND_IN } from './configuration.js';
import { tryOperation } from './try.js';

/** How often one address may read the file. */
const READING = { burst: 60, perSecond: 2 };
/** How often one address may have a file checked: a process for each. */
const CHECKING = { burst: 20, perSecond: 0.5 };
/** Characters. */
const LONGEST = 500_000;

/** The pipeline file on a page. Nothing here writes it. */
export const configurationOperations: readonly Operation[] = [
  tryOperation,
  operation({
    method: 'get',
    path: '/configuration',
    summary: 'The pipeline file as it runs, without secrets',
    role: 'operator',
    body: 'none',
    rate: READING,
    load: 'light',
    answer: z.strictObject({
      file: z.string(),
      text: z.string(),
      changed: z.boolean().describe('Whether the file is another by now than the one that runs'),
    }),
    handler(_call, context) {
      const { file, text, hasChanged } = ownFile(context);
      return { file, text, changed: hasChanged() };
    },
  }),
  operation({
    method: 'post',
    path: '/configuration/check',
    summary: 'Check an edited copy of the file; it is not kept, and no variable or file that it names is read',
    role: 'operator',
    body: { schema: z.strictObject({ text: z.string().max(LONGEST) }), limit: 1024 * 1024 },
    rate: CHECKING,
    load: CHECKS,
    answer: z.strictObject({
      valid: z.boolean(),
      words: z.string(),
      faults: z.array(z.strictObject({ path: z.string(), message: z.string() })),
      notes: z.array(z.string()),
    }),
    handler({ body: { text }, signal }, context) {
      const { file, standIns } = ownFile(context);
      return checkInProcess({ text, file, standIns, standIn: STAND_IN }, signal);
    },
  }),
];

function ownFile({ configuration }: Context) {
  if (configuration === undefined) throw noFile();
  return configuration;
}
