import { parseArgs } from 'node:util';
import { usageError } from '@tributary/shared';
import { checkDeadLetterRequest, DEAD_LETTER_COMMANDS, type DeadLetterRequest } from './request.js';

/** What `npm run dead-letters -- ...` was asked to do. */
export interface ShellArguments extends DeadLetterRequest {
  /** The pipeline's file, where it is not the one of the environment. */
  readonly config: string | undefined;
}

export const USAGE = `npm run dead-letters -- COMMAND [options]

  list                       what could not be written, and why; the newest first
  show ID                    one of them in full
  replay ID [--payload FILE] send it into the pipeline again; with --payload a mended one (- reads stdin)
  replay --all               send all that match
  discard ID --reason TEXT   remove it; what it held stays in the audit log
  discard --all --reason TEXT

  --queue NAME  --endpoint ID  --code CODE  --field NAME  --search WORDS    which ones are meant
  --limit N                  with list: how many are shown (default 50)
  --json                     for programs
  --config FILE              the pipeline (default PIPELINE, or pipeline.yaml)

AMQP_URL names the RabbitMQ, AUDIT_LOG the file in which everything done is written down (default ./audit/actions.jsonl).
`;

const OPTIONS = {
  queue: { type: 'string' },
  endpoint: { type: 'string' },
  code: { type: 'string' },
  field: { type: 'string' },
  search: { type: 'string' },
  reason: { type: 'string', default: '' },
  config: { type: 'string' },
  payload: { type: 'string' },
  limit: { type: 'string', default: '50' },
  all: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** @throws FatalError for what it does not understand */
export function readArguments(args: readonly string[]): ShellArguments | undefined {
  try {
    const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS });
    if (values.help) return undefined;
    const [asked = '', id, ...rest] = positionals;
    const command = DEAD_LETTER_COMMANDS.find((known) => known === asked);
    if (command === undefined) {
      const found = asked === '' ? 'nothing' : `"${asked}"`;
      throw new Error(`expected one of ${DEAD_LETTER_COMMANDS.join(', ')}, found ${found}`);
    }
    if (rest.length > 0) throw new Error(`one at a time: ${rest.join(' ')} is too much`);
    const { queue, endpoint, code, field, search, all, reason, payload, json, config } = values;
    const match = { id, queue, endpoint, code, field, search };
    const limit = Number(values.limit);
    const request = { command, match, limit, all, reason, payload, json, config };
    checkDeadLetterRequest(request);
    return request;
  } catch (cause) {
    throw usageError(cause, USAGE);
  }
}
