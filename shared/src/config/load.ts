import { readFileSync } from 'node:fs';
import { LineCounter, parseDocument } from 'yaml';
import { crossCheck } from './cross-check/cross-check.js';
import { askEnvironment, type Environment } from './environment.js';
import { expandEndpoints } from './expand.js';
import { ConfigError, type Fault } from './fault.js';
import { describeIssue, issuesOf, PARSE_OPTIONS, valueAtPath } from './issues.js';
import { crossCheckRest } from './repair.js';
import { type PipelineConfig, pipelineSchema } from './schema.js';
import { substitute } from './substitute.js';

/**
 * Reads, substitutes and validates a pipeline file.
 *
 * @param file path of the YAML file
 * @param env where `${NAME}` and `${NAME:-default}` are looked up
 * @throws ConfigError with every fault, each with its path, its value and what was expected
 */
export function loadPipeline(file: string, env: Environment): PipelineConfig {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError(file, [{ path: '', message: cannotBeRead(cause as NodeJS.ErrnoException) }]);
  }
  return parsePipeline(text, env, file);
}

/** As {@link loadPipeline}, from text. */
export function parsePipeline(text: string, env: Environment, file: string): PipelineConfig {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    throw new ConfigError(
      file,
      document.errors.map((error) => ({ path: `line ${lines.linePos(error.pos[0]).line}`, message: error.message })),
    );
  }

  const content: unknown = document.toJS();
  if (content === null) throw new ConfigError(file, [{ path: '', message: 'is empty' }]);
  const faults: Fault[] = [];
  const secrets = new Map<string, string>();
  const raw: unknown = substitute(askEnvironment(content, env), env, faults, secrets);
  const parsed = pipelineSchema.safeParse(raw, PARSE_OPTIONS);
  if (!parsed.success) {
    const issues = issuesOf(parsed.error);
    // A variable that is not set leaves a value that is wrong as well; the fault of the variable says more.
    const reported = new Set(faults.map((fault) => fault.path));
    for (const issue of issues) {
      const path = issue.path.map(String).join('.');
      if (!reported.has(path)) faults.push({ path, message: describeIssue(issue, valueAtPath(raw, issue.path)) });
    }
    faults.push(...crossCheckRest(raw, issues));
  } else {
    faults.push(...crossCheck(parsed.data));
  }
  if (faults.length > 0 || !parsed.success) {
    throw new ConfigError(
      file,
      faults.map(({ path, message }) => ({ path, message: conceal(message, secrets) })),
    );
  }
  return expandEndpoints(parsed.data);
}

function cannotBeRead({ code, message }: NodeJS.ErrnoException): string {
  const known: Record<string, string> = { ENOENT: 'there is no such file', EISDIR: 'it is a folder' };
  return `cannot be read: ${known[code ?? ''] ?? message}${code === undefined ? '' : ` (${code})`}`;
}

/** Replaces each secret by the placeholder that it came from, so that no fault shows it. */
function conceal(message: string, secrets: ReadonlyMap<string, string>): string {
  let concealed = message;
  for (const [value, placeholder] of secrets) {
    for (const form of [value, JSON.stringify(value).slice(1, -1)]) {
      // Shorter values are not secrets, and would be found in the middle of words.
      if (form.length >= 4) concealed = concealed.replaceAll(form, placeholder);
    }
  }
  return concealed;
}
