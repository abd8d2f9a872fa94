import { readFileSync } from 'node:fs';
import { Concealer } from './conceal.js';
import { withConcealed } from './concealed.js';
import { crossCheck } from './cross-check/cross-check.js';
import { describeIssue } from './describe-issue.js';
import { askEnvironment, type Environment } from './environment.js';
import { expandEndpoints } from './expand.js';
import { ConfigError, type Fault } from './fault.js';
import { crossCheckRest } from './faults-of-rest.js';
import { type Issue, issuesOf, PARSE_OPTIONS, valueAtPath } from './issues.js';
import { masksIn } from './masks-left.js';
import { readYaml } from './read-yaml.js';
import { type PipelineConfig, pipelineSchema } from './schema.js';
import { type ReadSecret, substitute } from './substitute.js';
import { settle } from './values-by-schema.js';

export interface ParseOptions {
  /** Reads what `${file:…}` names, unless the file of that name is read. */
  readonly readSecret?: ReadSecret;
  /** Whether the text is what the page Configuration shows, with stars in the place of secrets. */
  readonly isMasked?: boolean;
  /** Finds faults that only some place can have, such as what the environment of producers lacks. */
  readonly also?: (config: PipelineConfig) => Iterable<Fault>;
}

/**
 * Reads, substitutes and validates a pipeline file.
 *
 * @param file path of the YAML file
 * @param env where `${NAME}` and `${NAME:-default}` are looked up
 * @throws ConfigError with every fault, each with its path, its value and what was expected
 */
export function loadPipeline(file: string, env: Environment, options?: ParseOptions): PipelineConfig {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError(file, [{ path: '', message: cannotBeRead(cause as NodeJS.ErrnoException) }]);
  }
  return parsePipeline(text, env, file, options);
}

/** As {@link loadPipeline}, from text. */
export function parsePipeline(
  text: string,
  env: Environment,
  file: string,
  { readSecret, isMasked = false, also = () => [] }: ParseOptions = {},
): PipelineConfig {
  const content = readYaml(text, file);
  if (content === null) throw new ConfigError(file, [{ path: '', message: 'is empty' }]);
  const check = (config: PipelineConfig) => [...crossCheck(config), ...also(config)];
  const faults: Fault[] = isMasked ? [] : masksIn(content);
  const filled = substitute(askEnvironment(content, env), env, faults, [], readSecret);
  const concealer = new Concealer(filled);
  const raw = settle(filled, pipelineSchema, concealer.add);
  const parsed = pipelineSchema.safeParse(raw, PARSE_OPTIONS);
  if (!parsed.success) {
    const issues = issuesOf(parsed.error);
    // A variable that is not set leaves a value that is wrong as well; the fault of the variable says more.
    const reported = new Set(faults.map((fault) => fault.path));
    const told = (issue: Issue): Fault[] => {
      const path = issue.path.map(String).join('.');
      const shown = concealer.show(issue, valueAtPath(filled, issue.path), valueAtPath(raw, issue.path));
      return reported.has(path) ? [] : describeIssue(issue, shown, raw).map((message) => ({ path, message }));
    };
    faults.push(...issues.flatMap(told), ...crossCheckRest(raw, issues, told, check));
  } else {
    faults.push(...check(parsed.data));
  }
  if (faults.length > 0 || !parsed.success) {
    throw new ConfigError(
      file,
      faults.map(({ path, message }) => ({ path, message: concealer.conceal(message) })),
    );
  }
  return expandEndpoints({ ...parsed.data, endpoints: concealing(parsed.data.endpoints, filled) });
}

const concealing = (endpoints: PipelineConfig['endpoints'], filled: unknown): PipelineConfig['endpoints'] =>
  Object.fromEntries(
    Object.entries(endpoints).map(([id, endpoint]) => [
      id,
      withConcealed(
        endpoint,
        lineage(endpoints, id).map((one) => valueAtPath(filled, ['endpoints', one])),
      ),
    ]),
  );

/** An endpoint and those that it is polled for: their records may hold addresses with the secrets of theirs. */
function lineage(endpoints: PipelineConfig['endpoints'], id: string): string[] {
  const parent = endpoints[id]?.parent?.endpoint;
  return parent === undefined ? [id] : [id, ...lineage(endpoints, parent)];
}

function cannotBeRead({ code, message }: NodeJS.ErrnoException): string {
  const known: Record<string, string> = { ENOENT: 'there is no such file', EISDIR: 'it is a folder' };
  return `cannot be read: ${known[code ?? ''] ?? message}${code === undefined ? '' : ` (${code})`}`;
}
