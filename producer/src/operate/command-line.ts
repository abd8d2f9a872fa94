import { parseArgs } from 'node:util';
import { usageError } from '@tributary/shared';
import { ENDPOINT_REQUESTS, type EndpointCommandOptions, runEndpointCommand } from './commands.js';

export interface CommandLineOptions extends Pick<EndpointCommandOptions, 'producerUrl' | 'adminToken' | 'write'> {
  /** What stands behind `npm run endpoints --`. */
  readonly args: readonly string[];
}

export const USAGE = `npm run endpoints -- list                    every endpoint, how it is, when it polls next
npm run endpoints -- status ENDPOINT         one endpoint, as JSON
npm run endpoints -- run ENDPOINT            poll now
npm run endpoints -- pause ENDPOINT          poll no more, on any producer, until it is resumed
npm run endpoints -- resume ENDPOINT
npm run endpoints -- restart ENDPOINT        begin the poll anew, and forget that it failed
npm run reset -- ENDPOINT [--since VERSION]  forget how far it came: poll everything again, or everything since

PRODUCER_URL names a producer (http://127.0.0.1:8081); what changes something needs its ADMIN_TOKEN.
`;

/**
 * Does what the arguments of the command say.
 * @throws FatalError if they cannot be understood, and as runEndpointCommand does
 */
export async function runCommand({ args, write, ...producer }: CommandLineOptions): Promise<void> {
  const { values, positionals } = parse(args);
  if (values.help) return write(USAGE);
  const [word = '', endpoint] = positionals;
  const command = ENDPOINT_REQUESTS.find((one) => one === word);
  if (command === undefined) {
    const found = word === '' ? 'nothing' : `"${word}"`;
    throw usageError(`expected one of ${ENDPOINT_REQUESTS.join(', ')}, found ${found}`, USAGE);
  }
  if (command !== 'list' && endpoint === undefined) throw usageError(`${command} which endpoint?`, USAGE);
  await runEndpointCommand({ ...producer, write, command, endpoint, since: values.since });
}

function parse(args: readonly string[]) {
  try {
    const options = { since: { type: 'string' }, help: { type: 'boolean', default: false } } as const;
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw usageError(error, USAGE);
  }
}
