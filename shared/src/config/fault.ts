import { FatalError } from '../errors.js';
import { count } from '../words.js';

/** One thing wrong with a configuration. */
export interface Fault {
  /** Dotted path of the setting, such as `endpoints.customers.entity`. */
  readonly path: string;
  readonly message: string;
  /**
   * The entity, or the field with or without its entity (`customer.id`), that is missing or not as it should be. While the rest of a
   * faulty file is checked, it may only be gone because it was faulty itself.
   */
  readonly about?: string | undefined;
}

/** Every fault of a configuration at once, so that a person does not have to mend them one start at a time. */
export class ConfigError extends FatalError {
  readonly file: string;
  readonly faults: readonly Fault[];

  constructor(file: string, faults: readonly Fault[]) {
    const list = faults.map((fault) => `  ${fault.path || '(file)'}: ${fault.message}`).join('\n');
    super('config_invalid', `${file} has ${count(faults.length, 'fault')}:\n${list}`);
    this.file = file;
    this.faults = faults;
  }
}
