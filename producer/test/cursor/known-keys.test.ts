import { memoryKnownKeys } from '../../src/cursor/known-keys.js';
import { describeKnownKeys } from './known-keys-conformance.js';

describeKnownKeys('memory', async () => {
  const store = memoryKnownKeys();
  return { store, reopened: async () => store };
});
