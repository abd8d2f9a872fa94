import type { Clock } from '@tributary/shared';
import { Alone } from '../../src/intake/alone.js';
import type { IntakeOptions } from '../../src/intake/intake.js';
import type { Strikes } from '../../src/intake/suspects.js';
import { log } from './records.js';

export class MemoryStrikes implements Strikes {
  readonly counts = new Map<string, number>();

  async of(_queue: string, records: readonly string[]): Promise<number[]> {
    return records.map((record) => this.counts.get(record) ?? 0);
  }

  async add(_queue: string, records: readonly string[]): Promise<void> {
    for (const record of records) this.counts.set(record, (this.counts.get(record) ?? 0) + 1);
  }

  async forget(_queue: string, records: readonly string[]): Promise<void> {
    for (const record of records) this.counts.delete(record);
  }
}

/** What an intake needs to look for the record that ends the process. */
export const apart = (
  clock: Clock,
  strikes: Strikes = new MemoryStrikes(),
  alone = new Alone(clock),
): Pick<IntakeOptions, 'suspects' | 'hurry'> => ({
  suspects: { strikes, alone, log, queue: 'customer_data' },
  hurry: () => {},
});
