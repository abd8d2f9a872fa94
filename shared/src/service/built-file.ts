import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { FatalError } from '../errors.js';

/**
 * The path of a built module that is to run as a child process or thread. Tests run from src; Node cannot run a child in TypeScript, so
 * they use the built one, as everybody else.
 *
 * @param relative to the module that asks, such as `./mending-child.js`
 * @param from the `import.meta.url` of that module
 * @throws FatalError if it is not built
 */
export function builtFile(relative: string, from: string): string {
  const path = fileURLToPath(new URL(relative, from));
  const file = from.endsWith('.ts') ? path.replace(/\/src\/(?!.*\/src\/)/, '/dist/') : path;
  if (!existsSync(file)) throw new FatalError('not_built', `there is no ${file}: run "npm run build" first`);
  return file;
}
