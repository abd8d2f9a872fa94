import { describe } from 'vitest';
import { describeClaims } from './claims.js';
import { describeFailures } from './failures.js';
import type { LedgerHarness } from './harness.js';
import { describeJoins } from './joins.js';

/** What every ledger must do, whatever it is stored in. `make` gives a new and empty one. */
export function describeLedger(name: string, make: () => Promise<LedgerHarness>): void {
  describe(`the ledger in ${name}`, () => {
    describeClaims(make);
    describeFailures(make);
    describeJoins(make);
  });
}
