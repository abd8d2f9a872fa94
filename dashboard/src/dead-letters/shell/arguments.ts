import { parseArgs } from 'node:util';
import { usageError } from '@tributary/shared';
import type { LetterMatch } from '../letter.js';

export const COMMANDS = ['list', 'show', 'replay', 'discard'] as const;
export type Command = (typeof COMMANDS)[number];

/** What `npm run dead-letters -- ...` was asked to do. */
export interface ShellArguments {
  readonly command: Command;
  readonly match: LetterMatch;
  readonly limit: number;
  /** Act on all that match, where no id is given. */
  readonly all: boolean;
  readonly reason: string;
  /** File with the mended record; `-` is stdin. */
  readonly payload: string | undefined;
  readonly json: boolean;
  /** The pipeline's file, where it is not the one of the environment. */
  readonly config: string | undefined;
}

export const USAGE = `npm run dead-letters -- COMMAND [options]

  list                       what could not be written, and why; the newest first
  show ID                    one of them in full
  replay ID [--payload FILE] send it into the pipeline again; with --payload a mended one (- reads stdin)
  replay --all               send all that match
  discard ID --reason TEXT   throw it away; what it held stays in the audit log
  discard --all --reason TEXT

  --queue NAME  --endpoint ID  --code CODE  --field NAME  --search WORDS    which ones are meant
  --limit N                  with list: how many are shown (default 50)
  --json                     for programs
  --config FILE              the pipeline (default PIPELINE, or pipeline.yaml)

AMQP_URL names the RabbitMQ, AUDIT_LOG the file in which everything done is written down (default ./audit/actions.jsonl).
`;

/** @throws FatalError for what it does not understand */
export function readArguments(args: readonly string[]): ShellArguments | undefined {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        ...{ queue: { type: 'string' }, endpoint: { type: 'string' }, code: { type: 'string' } },
        ...{ field: { type: 'string' }, search: { type: 'string' }, reason: { type: 'string', default: '' } },
        ...{ config: { type: 'string' }, payload: { type: 'string' }, limit: { type: 'string', default: '50' } },
        all: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) return undefined;
    const [asked = '', id, ...rest] = positionals;
    const command = COMMANDS.find((known) => known === asked);
    if (command === undefined)
      throw new Error(`expected one of ${COMMANDS.join(', ')}, found ${asked === '' ? 'nothing' : `"${asked}"`}`);
    if (rest.length > 0) throw new Error(`one at a time: ${rest.join(' ')} is too much`);
    const { queue, endpoint, code, field, search, all, reason, payload, json, config } = values;
    check(command, id, { all, reason, payload });
    const limit = Number(values.limit);
    if (!Number.isInteger(limit) || limit < 1) throw new Error(`--limit is "${values.limit}": expected a whole number`);
    return { command, match: { id, queue, endpoint, code, field, search }, limit, all, reason, payload, json, config };
  } catch (cause) {
    throw usageError(cause, USAGE);
  }
}

function check(
  command: Command,
  id: string | undefined,
  { all, reason, payload }: { all: boolean; reason: string; payload: string | undefined },
): void {
  if (command === 'list') return;
  if (command === 'show' && id === undefined) throw new Error('show which one? Give the id that list shows');
  if (command !== 'show' && id === undefined && !all) throw new Error(`${command} which one? Give an id, or --all`);
  if (id !== undefined && all) throw new Error('an id or --all, not both');
  if (command === 'discard' && reason.trim().length < 3) throw new Error('discard needs --reason, for the audit log');
  if (payload !== undefined && (command !== 'replay' || id === undefined)) {
    throw new Error('--payload goes with replay ID');
  }
}
