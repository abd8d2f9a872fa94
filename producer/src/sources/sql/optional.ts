import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describeError, FatalError } from '@tributary/shared';

/**
 * A driver that is installed by whoever needs it: beside Tributary, or in the folder in which the producer runs.
 * @param what for the error: `ODBC`
 * @param needs for the error: what the installation needs
 * @throws FatalError with the command that installs it
 */
export function driverOf(what: string, name: string, needs = ''): unknown {
  const places = [import.meta.url, join(process.cwd(), 'index.js')];
  let reason = '';
  for (const place of places) {
    try {
      return createRequire(place)(name);
    } catch (error) {
      [reason = ''] = describeError(error).split('\n');
    }
  }
  throw new FatalError(
    'driver_missing',
    `${what} is read with the package "${name}", which cannot be loaded (${reason}): npm install ${name}${needs}`,
  );
}
