import { ENVIRONMENT, PROXIES, type Variable } from '../config/environment.js';
import { code, table } from './markdown.js';

/** The environment variables as Markdown, made from their table. */
export function describeEnvironment(): string {
  const rows = Object.entries<Variable>({ ...ENVIRONMENT, ...PROXIES }).map(([name, variable]) => [
    code(name),
    variable.usually ?? (variable.usual === undefined ? '' : code(variable.usual)),
    variable.readers.join(', '),
    variable.setting === undefined
      ? variable.words
      : `${variable.words}: ${code(variable.setting)} of a file that does not set it`,
  ]);
  return table(['Variable', 'Default', 'Read by', 'What it is'], rows);
}
