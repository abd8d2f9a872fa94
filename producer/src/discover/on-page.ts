import { type Clock, FatalError, type FoundForPage, RetryableError, withTimeout } from '@tributary/shared';
import { targetOf } from './ask/input.js';
import { reachOf } from './ask/reach.js';
import type { Target } from './ask/target.js';
import { discover } from './discover.js';
import { pipelineText } from './write/document.js';
import { rowsByEndpoint } from './write/rows.js';
import { cellOf, fullness } from './write/table.js';

const REQUESTS = 12;
/**
 * Bytes. Looking at an answer holds up the process, which serves other people and may poll and write too: at one of 8 MB that was made for
 * it, for 36 s.
 */
const MOST_BODY = 2 * 1024 * 1024;
/** Milliseconds. */
const LONGEST = 60_000;
const ROWS = 10;
const SCHEMA = './node_modules/tributary/pipeline.schema.json';

/**
 * Looks at the API that a person has pasted on a page, as a URL or as a curl line. Requests go to the server of the URL alone; nothing is
 * filled in from the environment or from files, and nothing is written.
 *
 * @throws FatalError, RetryableError saying what was found and what to do
 */
export async function discoverForPage(
  input: string,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<FoundForPage> {
  const target = targetOf(input, {});
  refuseVariables(target);
  const looking = withTimeout(signal, LONGEST);
  const requests: FoundForPage['requests'][number][] = [];
  try {
    const draft = await discover({
      target,
      env: {},
      requests: REQUESTS,
      clock,
      reach: await reachOf(target.url),
      maxBody: MOST_BODY,
      signal: looking,
      onExchange: ({ asked, answered, milliseconds }) =>
        requests.push({ asked, answered: String(answered), milliseconds }),
    });
    const { text, endpoints: ids } = pipelineText(draft, undefined, SCHEMA);
    const records = new Map(ids.map((id, index) => [id, draft.endpoints[index]?.records ?? []]));
    const rows = rowsByEndpoint(text, draft.secrets, 'pipeline.yaml', records);
    const endpoints = [...rows].map(([id, { columns, rows: found, bad, reason }]) => ({
      id,
      columns: columns.map((column) => ({ ...column, full: fullness(column.name, found) })),
      rows: found
        .slice(0, ROWS)
        .map((row) => columns.map(({ name }) => cellOf((row as Record<string, unknown>)[name]))),
      bad,
      reason: reason ?? null,
    }));
    return { text, endpoints, notes: draft.notes, secrets: Object.keys(draft.secrets), requests };
  } catch (error) {
    if (looking.aborted && !signal.aborted)
      throw new RetryableError(
        'timeout',
        `the API took longer than ${LONGEST / 1_000} s; on the command line there is no such limit`,
      );
    throw error;
  }
}

/** What a variable stands for is on the machine of the dashboard, and not the person's who pasted the line. */
function refuseVariables(target: Target): void {
  const [found] = JSON.stringify(target).match(/\$\{[^}]*\}/) ?? [];
  if (found !== undefined)
    throw new FatalError(
      'variable_unknown',
      `${found.slice(0, 80)} is not filled in here: paste what it stands for. It is not kept, and the file will have a variable in its place`,
    );
}
