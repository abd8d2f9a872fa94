import { memoryRunLog, memorySeenAgain } from '../../src/index.js';
import { describeRunLog, describeSeenAgain } from './journal-conformance.js';

describeRunLog('in-memory', memoryRunLog);
describeSeenAgain('in-memory', () => memorySeenAgain(Date.now));
