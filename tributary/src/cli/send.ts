import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { count, textLines } from '@tributary/shared';
import { createCommand, withEnvironment, withExamples } from './shell/command.js';
import { CommandFailed, type Context } from './shell/context.js';
import { withProgress } from './shell/terminal.js';

/** How many records that were refused are told of. */
const MOST_TOLD = 20;

/** Sends records to a producer that runs. */
export function sendCommand(context: Context): CommandUnknownOpts {
  const about =
    'Sends records of an entity through a producer that runs: one that is given, or lines of JSON from stdin. Each has the fields of the ' +
    'entity by their names (and "_deleted": true if it is no more). It is done when RabbitMQ has confirmed them; those that are not valid are told of, and not sent.';
  const command = createCommand(context, 'send', 'send records to a producer that runs', about)
    .argument('<ENTITY>')
    .argument('[RECORD]', 'the record as JSON; lines of JSON from stdin unless given')
    .action((entity, record) => send(context, entity, record));
  const examples = [
    [`customer '{"id": "c1", "updatedAt": "2026-11-28T12:00:00Z"}'`, 'one record'],
    ['customer < customers.ndjson', 'a record in each line'],
  ] as const;
  return withEnvironment(withExamples(context, command, examples), ['ADMIN_TOKEN', 'PRODUCER_URL']);
}

async function send({ env, terminal }: Context, entity: string, record: string | undefined): Promise<void> {
  const { sendLines } = await import('@tributary/producer');
  const producerUrl = env.PRODUCER_URL?.split(',')[0] || 'http://127.0.0.1:8081';
  // A record that is given may be written over several lines.
  const lines = record === undefined ? textLines(process.stdin) : [record.replaceAll('\n', ' ')];
  let accepted = 0;
  const sending = sendLines(lines, { entity, producerUrl, adminToken: env.ADMIN_TOKEN ?? '' }, (sent) => {
    accepted += sent.accepted;
  });
  const { refused } = await withProgress(terminal, () => `${count(accepted, 'record')} sent`, sending);
  for (const { place, error } of refused.slice(0, MOST_TOLD))
    terminal.say(`record ${place + 1} was not sent: ${error}\n`);
  if (refused.length > MOST_TOLD) terminal.say(`and ${refused.length - MOST_TOLD} more were not sent\n`);
  terminal.write(`${count(accepted, 'record')} of ${entity} sent and confirmed\n`);
  if (refused.length > 0) throw new CommandFailed(`${count(refused.length, 'record')} not sent`);
}
