import { readFileSync } from 'node:fs';
import { type Environment, FatalError, systemClock, withTimeout } from '@tributary/shared';
import type { Context } from '../shell/context.js';
import { withProgress } from '../shell/terminal.js';

type Producer = typeof import('@tributary/producer');
type Draft = Awaited<ReturnType<Producer['discover']>>;

/** What a person gave on the command line. */
export interface Given {
  readonly input: string | undefined;
  readonly from?: string | undefined;
  readonly openapi?: string | undefined;
  readonly graphql?: boolean | undefined;
  readonly operation?: string | undefined;
  readonly name?: string | undefined;
  readonly requests: number;
  readonly header?: readonly string[] | undefined;
  readonly auth?: string | undefined;
  readonly method?: string | undefined;
  readonly body?: string | undefined;
  /** Every guess is taken, and nothing is asked. */
  readonly yes?: boolean | undefined;
}

/** What was found out, how many requests that took, and which variables a person still has to set. */
export interface Found {
  readonly draft: Draft;
  readonly asked: number;
  readonly wanted: readonly string[];
}

/** @throws FatalError if nothing can be made of what was given */
export async function findDraft(context: Context, producer: Producer, env: Environment, given: Given): Promise<Found> {
  const { terminal } = context;
  const { input, from, openapi, operation, name } = given;
  if (openapi !== undefined) {
    const text = await textOf(openapi, terminal.closed);
    const base = isHttp(openapi) ? openapi : undefined;
    const draft = producer.draftOfOpenApi({ text, from: nameOf(openapi), base, operation });
    return { draft, asked: 0, wanted: draft.wanted };
  }
  if (from !== undefined) {
    const target = input === undefined ? undefined : producer.targetOf(input, given);
    const { target: concealed, secrets } =
      target === undefined ? NOTHING : producer.concealSecrets(target, producer.prefixOf(target.url), env);
    const draft = producer.draftOfSample({ text: readText(from), target: concealed, name, from: nameOf(from) });
    return { draft: { ...draft, secrets }, asked: 0, wanted: [] };
  }
  if (input === undefined) {
    throw new FatalError(
      'input_missing',
      'expected a URL, a curl line in quotes, the URL of a database, the path of files, --from FILE or --openapi FILE',
    );
  }
  if (producer.isDatabaseUrl(input)) {
    const looking = producer.draftOfDatabase({ url: input, table: operation, env, signal: terminal.closed });
    return { draft: await withProgress(terminal, () => 'looking at the database', looking), asked: 0, wanted: [] };
  }
  if (producer.isFilesPath(input)) {
    const looking = producer.draftOfFiles({ path: input, name, env, clock: systemClock, signal: terminal.closed });
    return { draft: await withProgress(terminal, () => 'looking at the files', looking), asked: 0, wanted: [] };
  }
  if (isMissingFile(input)) {
    throw new FatalError('file_missing', `there is no such file or folder: ${input}; nothing was sent`);
  }
  const asking = given.yes === true ? { ...context, dialogue: undefined } : context;
  try {
    return await ask(asking, producer, env, { ...given, input });
  } catch (error) {
    const token = await tokenFor(asking, given, error);
    if (token === '') throw error;
    return await ask(asking, producer, env, { ...given, input, auth: `bearer ${token}` });
  }
}

/** What looks like a path, of which isFilesPath found nothing. A server without its scheme has a dot or a port in its name, or is localhost. */
const isMissingFile = (input: string): boolean =>
  /^(?:~|\.{1,2})?[/\\]/.test(input) ||
  (/^[^\s:?#]+\.(?:csv|tsv|txt|json|ndjson|jsonl|parquet|xml|gz|zst|zip)$/i.test(input) &&
    !/^(?:localhost|[^/]*\.[^/]*)\//i.test(input));

const NOTHING = { target: undefined, secrets: {} };

/** A token that the person has, where the API refuses a request without credentials; empty if there is none. */
async function tokenFor({ dialogue, terminal }: Context, { auth, header }: Given, error: unknown): Promise<string> {
  const isRefused = error instanceof FatalError && error.code === 'http_401';
  if (!isRefused || dialogue === undefined || auth !== undefined || header !== undefined) return '';
  terminal.say(`${error.message}\n`);
  return await dialogue.secret('A bearer token, if you have one (it is not shown, and goes into .env): ');
}

async function ask(
  { terminal, dialogue }: Context,
  producer: Producer,
  env: Environment,
  given: Given & { readonly input: string },
): Promise<Found> {
  let asked = 0;
  const discovering = producer.discover({
    target: producer.targetOf(given.input, given),
    env,
    requests: given.requests,
    graphql: given.graphql === true ? (given.operation ?? true) : undefined,
    name: given.name,
    clock: systemClock,
    proxies: producer.proxiesOf(env),
    signal: terminal.closed,
    onExchange: ({ asked: request, answered, milliseconds }) => {
      asked += 1;
      terminal.say(`${String(asked).padStart(2)}  ${shortened(request)} -> ${answered}, ${milliseconds} ms\n`);
    },
    ...(dialogue === undefined
      ? {}
      : {
          choosePlace: async (places) => {
            const choices = places.map(({ items, found }) => `${items}: ${found}`);
            const chosen = places[await dialogue.choose('Which of these are the records?', choices)];
            if (chosen === undefined) throw new Error('the choice is none of those that were offered');
            return chosen;
          },
        }),
    onPause: (until) => terminal.say(`the API asks to wait until ${new Date(until).toISOString()}\n`),
  });
  // A question would be wiped by the line that tells of progress.
  const draft = dialogue === undefined ? withProgress(terminal, () => 'looking at the API', discovering) : discovering;
  return { draft: await draft, asked, wanted: [] };
}

const LONGEST = 120;
/** Some requests carry dozens of parameters. */
const shortened = (request: string): string => (request.length > LONGEST ? `${request.slice(0, LONGEST)}…` : request);

const isHttp = (text: string): boolean => /^https?:\/\//i.test(text);
/** Without folders, query and user. */
const nameOf = (place: string): string =>
  place
    .replace(/[?#].*$/s, '')
    .split(/[\\/]/)
    .at(-1) || place;

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new FatalError('file_unreadable', `${file} cannot be read`, { cause });
  }
}

/** A description is read whole, within bounds: it comes from another server than the API perhaps. */
const MOST_BYTES = 32 * 1024 * 1024;
const TIMEOUT = 30_000;

async function textOf(place: string, closed: AbortSignal): Promise<string> {
  if (!isHttp(place)) return readText(place);
  const signal = withTimeout(closed, TIMEOUT);
  // A redirect could lead into our own network.
  const response = await fetch(place, {
    signal,
    redirect: 'error',
    headers: { accept: 'application/json, application/yaml, */*;q=0.5' },
  });
  if (!response.ok || response.body === null)
    throw new FatalError(`http_${response.status}`, `${nameOf(place)} was answered ${response.status}`);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.byteLength;
    if (size > MOST_BYTES)
      throw new FatalError('body_too_large', `${nameOf(place)} is larger than ${MOST_BYTES / 1024 / 1024} MB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
