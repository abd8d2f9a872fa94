import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, relative, resolve, sep } from 'node:path';
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { FatalError } from '@tributary/shared';
import { findDraft } from './discover/drafts.js';
import { aboutVariables, tellOutcome } from './discover/tell.js';
import { configOption, createCommand, wholeNumber, withExamples } from './shell/command.js';
import type { Context } from './shell/context.js';

const REQUESTS = 12;
const ABOUT =
  'Looks at an API, finds out where its records lie, what they are, how their pages follow each other and how it is asked for what is ' +
  'new, tries each guess, and writes the pipeline file, with the reasons as comments. Secrets go into .env. An existing file is added to.';

/** From an address to a pipeline file. */
export function discoverCommand(context: Context): CommandUnknownOpts {
  const { terminal } = context;
  const command = createCommand(context, 'discover', 'write the pipeline file from a URL or a curl line', ABOUT)
    .argument(
      '[URL]',
      'of an API or of a database, a whole curl line in quotes, or a file, a folder or s3://bucket/prefix/',
    )
    .option('--from <FILE>', 'a sample of an answer: JSON, NDJSON, CSV or XML; nothing is asked')
    .option('--openapi <FILE>', 'an OpenAPI file, or its URL: all its collections')
    .option('--graphql', 'the URL is that of a GraphQL server: a query is made of what it says that it has')
    .option(
      '--operation <ID>',
      'what is taken alone: of an OpenAPI file an operation, of GraphQL a collection, of a database a table',
    )
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
    .action(async (input, { config: file, print, ...given }) => {
      const producer = await import('@tributary/producer');
      const env = { ...producer.secretsBeside(file), ...context.env };
      if (print !== true) refuseMissingFolder(file);
      const wasThere = print !== true && existsSync(file);
      const { draft, asked, wanted } = await findDraft(context, producer, env, { input, ...given });
      const existing = wasThere ? readFileSync(file, 'utf8') : undefined;
      // A sample says nothing of where it is from, and a name says that it is wanted once more.
      if (existing !== undefined && given.from === undefined && given.name === undefined) {
        refuseAgain(file, producer.polledAlready(draft, existing));
      }
      const { text, endpoints } = producer.pipelineText(draft, existing, schemaFor(file));
      // What has to be set by a person stands for something, so that the rest of the file is checked.
      const known = { ...Object.fromEntries(wanted.map((name) => [name, 'unset'])), ...env, ...draft.secrets };
      const rows = producer.showRows(text, known, file, recordsOf(draft.endpoints, endpoints), terminal.columns);
      const variables = {
        wanted: wanted.filter((name) => env[name] === undefined),
        taken: wanted.filter((name) => env[name] !== undefined),
      };
      if (print === true) {
        terminal.write(text);
        const unwritten = [...variables.wanted, ...Object.keys(draft.secrets)];
        for (const line of aboutVariables({ ...variables, wanted: unwritten })) terminal.say(`${line}\n`);
        return;
      }
      write(file, text);
      const secrets = producer.writeSecrets(file, draft.secrets, context.env);
      tellOutcome(context, {
        file,
        text,
        wasThere,
        endpoints,
        asked,
        rows,
        secrets,
        ...variables,
        notes: draft.notes,
      });
    });
  return withExamples(context, command, [
    ['https://jsonplaceholder.typicode.com/posts', 'a URL'],
    [`'curl https://api.example.org/v1/orders -H "Authorization: Bearer …"'`, "a line of the API's documents"],
    ['https://api.example.org/v1/orders --auth "bearer $TOKEN" --yes', 'with credentials, and without questions'],
    ['--openapi openapi.yaml', 'all that an OpenAPI file describes'],
    ['"$DATABASE_URL" --operation sales.orders', 'a table of a database'],
    ['./exports/', 'all kinds of files in a folder'],
  ]);
}

const collect = (header: string, before: readonly string[] = []): readonly string[] => [...before, header];

/** Where editors find the schema, which they look for from the folder of the pipeline file on. */
export function schemaFor(file: string): string {
  const [here, installed] = ['docs/reference/pipeline.schema.json', 'node_modules/tributary/pipeline.schema.json'];
  const way = relative(dirname(resolve(file)), resolve(existsSync(here) ? here : installed))
    .split(sep)
    .join('/');
  return way.startsWith('.') || existsSync(here) ? way : `./${way}`;
}

/** Raw records by the names that the endpoints have in the file; none for those that were not asked. */
function recordsOf(drafts: readonly { readonly records: readonly unknown[] }[], ids: readonly string[]) {
  const all = ids.map((id, index) => [id, drafts[index]?.records ?? []] as const);
  return new Map(all.filter(([, records]) => records.length > 0));
}

/** @throws FatalError before anything is asked whose answer could not be written */
function refuseMissingFolder(file: string): void {
  const folder = dirname(resolve(file));
  if (existsSync(folder)) return;
  throw new FatalError('folder_missing', `there is no folder ${folder} for ${file}: make it first; nothing was asked`);
}

/** @throws FatalError if endpoints of the file poll it already */
function refuseAgain(file: string, already: readonly string[]): void {
  if (already.length === 0) return;
  const polls = already.length === 1 ? 'already polls this' : 'already poll this';
  throw new FatalError(
    'polled_already',
    `${already.join(', ')} of ${file} ${polls}, so nothing is written: it would be polled twice. To add it once more, give it a name with --name`,
  );
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (cause) {
    throw new FatalError('file_unwritable', `${file} cannot be written`, { cause });
  }
}
