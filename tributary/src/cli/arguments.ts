import { parseArgs } from 'node:util';
import { usageError } from '@tributary/shared';

/** What `npm start -- ...` was asked to do. */
export interface Arguments {
  /** Poll every endpoint once, write everything, print a summary, end. */
  readonly once: boolean;
  /** With `once`: the summary as one JSON object on stdout, and nothing else there. */
  readonly json: boolean;
  readonly output: string | undefined;
  readonly config: string;
  readonly help: boolean;
}

export const USAGE = `npm start -- [options]

  --once          poll every endpoint once, write everything, print a summary and end
  --json          with --once: print the summary as one JSON object on stdout
  --output DIR    where the CSV files go (default ./output)
  --config FILE   the pipeline (default PIPELINE, or pipeline.yaml)
  --help          this text

PORT is the dashboard's; without it, 8000 or one that is free.
`;

/**
 * @param pipeline the file to use if no option names one
 * @throws FatalError for an option that does not exist, or lacks its value
 */
export function readArguments(args: readonly string[], pipeline: string): Arguments {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        once: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
        output: { type: 'string' },
        config: { type: 'string', default: pipeline },
      },
    });
    if (values.json && !values.once) throw new Error('--json needs --once');
    return { ...values, output: values.output };
  } catch (cause) {
    throw usageError(cause, USAGE);
  }
}
