import { readFileSync } from 'node:fs';
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { FatalError, systemClock } from '@tributary/shared';
import { audited } from './shell/audited.js';
import { configOption, createCommand, wholeNumber, withEnvironment, withExamples } from './shell/command.js';
import type { Context } from './shell/context.js';
import { readPipelineFile } from './shell/pipeline-file.js';
import { withProgress } from './shell/terminal.js';

/** With the first two it takes part in keeping a refresh token that a server replaces. */
const VARIABLES = [
  'REDIS_URL',
  'TRIBUTARY_SECRET',
  'PRIVACY_HASH_KEY',
  'PRIVACY_ENCRYPTION_KEYS',
  'AUDIT_LOG',
  'AUDIT_ACTOR',
] as const;

/** A poll that shows what it would do. */
export function tryCommand(context: Context): CommandUnknownOpts {
  const { terminal, env } = context;
  const about =
    'Polls an endpoint once, and shows the requests, the records, and what is wrong with them. Publishes ' +
    'nothing, and needs neither RabbitMQ nor Redis. Who did it is written to the audit log.';
  const command = createCommand(context, 'try', 'poll an endpoint, show what comes, publish nothing', about)
    .argument('<ENDPOINT>', 'its name in the pipeline file, enabled or not')
    .option('--limit <N>', 'how many records are shown', wholeNumber, 5)
    .option('--pages <N>', 'how many pages are fetched; as many as --limit takes, unless given', wholeNumber)
    .option('--event <FILE>', 'the body of an event, for an endpoint that takes webhooks: tried instead of a poll')
    .addOption(configOption(context))
    .action(async (id, { limit, pages, event, config: file }) => {
      const { proxiesOf, readProtectionKeys, tryEndpoint } = await import('@tributary/producer');
      const config = readPipelineFile(context, file);
      const write = (text: string) => terminal.write(text);
      const { REDIS_URL: redisUrl, TRIBUTARY_SECRET: secret } = env;
      const kept = redisUrl && secret ? { redisUrl, secret } : undefined;
      const body = event === undefined ? undefined : readFile(event);
      const trying = audited(context, config.name, {
        action: 'try',
        detail: { endpoint: id },
        work: () =>
          tryEndpoint({
            config,
            id,
            limit,
            pages,
            clock: systemClock,
            proxies: proxiesOf(env),
            kept,
            keys: readProtectionKeys(env),
            event: body,
            write,
          }),
        done: (tried) => ({ done: tried.looked }),
      });
      const { looked, bad } = await withProgress(
        terminal,
        () => `polling ${id}`,
        trying.catch((error: unknown) => advise(id, error)),
      );
      if (looked > 0 && bad === looked) {
        const all =
          bad === 1
            ? 'the record that was looked at would become a dead letter'
            : `all ${bad} records that were looked at would become dead letters`;
        throw new FatalError('records_refused', `${all}: what is wrong is said above`);
      }
    });
  const examples = [
    ['blog-posts', 'the first 5 records'],
    ['customers --event event.json', 'what becomes of an event that a webhook would bring'],
    ['blog-posts --limit 50 --config my-pipeline.yaml', 'more of them, from another file'],
  ] as const;
  return withEnvironment(withExamples(context, command, examples), VARIABLES);
}

/** @throws the error, with what to do where the API refuses whoever asks */
function advise(id: string, error: unknown): never {
  if (!(error instanceof FatalError) || !/^http_40[13]$/.test(error.code)) throw error;
  const advice = `the API refuses the credentials, or there are none: look at auth and headers of ${id}, and at the variables that they name`;
  throw new FatalError(error.code, `${error.message}; ${advice}`);
}

/** @throws FatalError naming the file that cannot be read */
function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new FatalError('event_missing', `${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
}
