import { memoryLeaseTable } from '../../src/leases/table.js';
import { describeLeaseTable } from './table-conformance.js';

describeLeaseTable('memory', async () => memoryLeaseTable(), false);
