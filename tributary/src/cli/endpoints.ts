import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import type { EndpointCommandOptions, EndpointRequest } from '@tributary/producer';
import { redactUrl } from '@tributary/shared';
import { createCommand, createGroup, PRODUCER_VARIABLES, withEnvironment, withExamples } from './shell/command.js';
import type { Context } from './shell/context.js';
import { withProgress } from './shell/terminal.js';

/** `reset` has options of its own, and is a command of its own. */
type Request = Exclude<EndpointRequest, 'reset'>;

/** What each request does, as its help says it. */
const REQUESTS = {
  list: 'every endpoint, how it is, and when it polls next',
  status: 'one endpoint, as JSON',
  run: 'poll now',
  pause: 'poll no more, on any producer, until it is resumed',
  resume: 'poll again after a pause',
  restart: 'begin the poll anew, and forget that it failed',
  checkpoints: 'where reset --to can go back to',
} as const satisfies Readonly<Record<Request, string>>;

/** Asks a producer that runs, and has it do something. */
export function endpointsCommand(context: Context): CommandUnknownOpts {
  const about = 'Asks a producer that runs about the endpoints, or has it do something to one of them.';
  const requests = (Object.keys(REQUESTS) as Request[]).map((request) => requestCommand(context, request));
  const command = createGroup(context, 'endpoints', 'look at, run, pause or resume the endpoints', about, requests);
  const examples = [
    ['list', 'as a table'],
    ['status blog-posts', 'all that is known of one'],
    ['pause blog-posts', 'until resume blog-posts'],
  ] as const;
  return withEnvironment(withExamples(context, command, examples), PRODUCER_VARIABLES);
}

function requestCommand(context: Context, request: Request): CommandUnknownOpts {
  const command = withEnvironment(createCommand(context, request, REQUESTS[request]), PRODUCER_VARIABLES);
  if (request === 'list') return command.action(() => ask(context, request));
  return command.argument('<ENDPOINT>').action((endpoint) => ask(context, request, endpoint));
}

/** Forgets how far an endpoint came. */
export function resetCommand(context: Context): CommandUnknownOpts {
  const about =
    'Forgets how far an endpoint came: everything is polled again, or everything since a version or a checkpoint.';
  const command = createCommand(context, 'reset', 'poll an endpoint again from the beginning, or from a version', about)
    .argument('<ENDPOINT>')
    .option('--since <VERSION>', 'from where to poll again: a time, or a number where versions are numbers')
    .option('--to <CHECKPOINT>', 'where a stream goes back to: a time, or a place that endpoints checkpoints lists')
    .action((id, from) => ask(context, 'reset', id, from));
  const examples = [
    ['blog-posts', 'everything'],
    ['blog-posts --since 2026-03-01', 'what changed since'],
    ['orders --to 2026-03-01T12:00:00Z', 'the changes of a database since'],
  ] as const;
  return withEnvironment(withExamples(context, command, examples), PRODUCER_VARIABLES);
}

async function ask(
  { env, terminal, spell }: Context,
  command: EndpointRequest,
  endpoint?: string,
  from: Pick<EndpointCommandOptions, 'since' | 'to'> = {},
): Promise<void> {
  const { runEndpointCommand } = await import('@tributary/producer');
  const producerUrl = env.PRODUCER_URL || 'http://127.0.0.1:8081';
  const write = (text: string) => terminal.write(text);
  const asking = runEndpointCommand({
    command,
    endpoint,
    ...from,
    producerUrl,
    adminToken: env.ADMIN_TOKEN || env.READ_TOKEN || '',
    write,
  });
  await withProgress(terminal, () => `asking the producer at ${producerUrl}`, asking);
  // Another pipeline of this machine may have the usual port.
  if (command === 'list') terminal.say(`endpoints of the producer at ${redactUrl(producerUrl)}\n`);
  if (command === 'list' || command === 'status' || command === 'checkpoints') return;
  terminal.say(`How it goes is told by: ${spell('endpoints', `status ${endpoint}`)}\n`);
}
