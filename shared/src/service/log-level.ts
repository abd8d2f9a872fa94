import { FatalError } from '../errors.js';
import { expectedOneOf } from '../words.js';

const LEVELS: readonly string[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];
const SERVICES: readonly string[] = ['producer', 'consumer', 'dashboard', 'mock-api'];

/**
 * The level of a service's log.
 * @param text of LOG_LEVEL: a level for all, levels of single services, or both, as in `warn,consumer=debug`
 * @param usual what counts where it says nothing of the service
 * @throws FatalError for a level or a service that does not exist
 */
export function levelOf(text: string | undefined, service: string, usual: string): string {
  let forAll = usual;
  let own: string | undefined;
  for (const entry of (text ?? '').split(',').filter((one) => one.trim() !== '')) {
    const [first = '', second] = entry.split('=').map((part) => part.trim());
    const level = second ?? first;
    if (!LEVELS.includes(level)) throw wrong(`${expectedOneOf(LEVELS)}, found "${level}"`);
    if (second === undefined) forAll = level;
    else if (!SERVICES.includes(first)) throw wrong(`before a "=" ${expectedOneOf(SERVICES)}, found "${first}"`);
    else if (first === service) own = level;
  }
  return own ?? forAll;
}

const wrong = (words: string) => new FatalError('settings_invalid', `LOG_LEVEL: ${words}`);
