import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { count, FatalError, systemClock } from '@tributary/shared';
import { configOption, createCommand, wholeNumber, withExamples } from './shell/command.js';
import type { Context } from './shell/context.js';
import { withProgress } from './shell/terminal.js';

/** Where editors find the schema of the file, if no other is nearer. */
const SCHEMA = 'docs/reference/pipeline.schema.json';
const REQUESTS = 12;

/** From an address to a pipeline file. */
export function discoverCommand(context: Context): CommandUnknownOpts {
  const { terminal, spell } = context;
  const about =
    'Looks at an API, finds out where its records lie, what they are, how their pages follow each other and how it is asked for what is ' +
    'new, tries each guess, and writes the pipeline file, with the reasons as comments. Secrets go into .env. An existing file is added to.';
  const command = createCommand(context, 'discover', 'write the pipeline file from a URL or a curl line', about)
    .argument('<URL>', 'of an API, or a whole curl line in quotes')
    .option(
      '--header <HEADER>',
      'sent with each request, such as "Authorization: Bearer …"; may be given again',
      collect,
    )
    .option('--auth <AUTH>', '"bearer TOKEN", "basic USER:PASSWORD", or a mapping as in the pipeline file')
    .option('--method <METHOD>', 'GET, POST or PUT')
    .option('--body <BODY>', 'sent as JSON, or as a form')
    .option('--name <NAME>', 'what the records are called; found in the address unless given')
    .option('--requests <N>', 'how many requests may be sent', wholeNumber, REQUESTS)
    .option('--yes', 'take every guess, ask nothing')
    .option('--print', 'print the file instead of writing it')
    .addOption(configOption(context))
    .action(async (input, { config: file, print, requests, name, ...given }) => {
      const producer = await import('@tributary/producer');
      const env = { ...producer.secretsBeside(file), ...context.env };
      const exists = print !== true && existsSync(file);
      const target = producer.targetOf(input, given);
      let asked = 0;
      const discovering = producer.discover({
        target,
        env,
        requests,
        name,
        clock: systemClock,
        proxies: producer.proxiesOf(env),
        signal: terminal.closed,
        onExchange: ({ asked: request, answered, milliseconds }) => {
          asked += 1;
          terminal.say(`${String(asked).padStart(2)}  ${shortened(request)} -> ${answered}, ${milliseconds} ms\n`);
        },
        onPause: (until) => terminal.say(`the API asks to wait until ${new Date(until).toISOString()}\n`),
      });
      const draft = await withProgress(terminal, () => 'looking at the API', discovering);
      const existing = exists ? readFileSync(file, 'utf8') : undefined;
      const { text, endpoints } = producer.pipelineText(draft, existing, SCHEMA);
      if (print === true) {
        terminal.write(text);
        return;
      }
      const rows = producer.showRows(
        text,
        { ...env, ...draft.secrets },
        file,
        recordsOf(draft.endpoints, endpoints),
        terminal.columns,
      );
      write(file, text);
      const secrets = producer.writeSecrets(file, draft.secrets, context.env);
      terminal.write(
        `${file} is ${exists ? 'extended' : 'written'}, and valid: ${count(endpoints.length, 'endpoint')} (${endpoints.join(', ')}), after ${count(asked, 'request')}.\n`,
      );
      if (secrets !== undefined)
        terminal.write(
          `${secrets.file} has ${secrets.names.join(', ')}: only you may read it, and git leaves it alone.\n`,
        );
      for (const [id, { table, bad, reason }] of rows) {
        terminal.write(`\n${id}:\n${table}\n`);
        if (bad > 0) terminal.write(`${count(bad, 'record')} would be a dead letter: ${reason}\n`);
      }
      const unsure = text.split('\n').filter((line) => line.includes('# unsure: ') || /^\s+unsure: /.test(line)).length;
      if (unsure > 0)
        terminal.write(
          `\n${count(unsure, 'guess')}${unsure === 1 ? ' is' : 'es are'} marked "unsure" in the file.\n`.replace(
            'guesses',
            'guesses',
          ),
        );
      const before =
        secrets === undefined
          ? ''
          : `set -a; . ${secrets.file.includes('/') ? secrets.file : `./${secrets.file}`}; set +a; `;
      terminal.write(
        `\nRun it: ${before}${spell('start', `--once${file === 'pipeline.yaml' ? '' : ` --config ${file}`}`)}\n`,
      );
    });
  return withExamples(context, command, [
    ['https://jsonplaceholder.typicode.com/posts', 'a URL'],
    [`'curl https://api.example.org/v1/orders -H "Authorization: Bearer …"'`, "a line of the API's documents"],
    ['https://api.example.org/v1/orders --auth "bearer $TOKEN" --yes', 'with credentials, and without questions'],
  ]);
}

const collect = (header: string, before: readonly string[] = []): readonly string[] => [...before, header];

const LONGEST = 120;
/** Some requests carry dozens of parameters. */
const shortened = (request: string): string => (request.length > LONGEST ? `${request.slice(0, LONGEST)}…` : request);

function recordsOf(drafts: readonly { readonly records: readonly unknown[] }[], ids: readonly string[]) {
  return new Map(ids.map((id, index) => [id, drafts[index]?.records ?? []]));
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new FatalError('file_unwritable', `${file} cannot be written`, { cause: error });
  }
}
