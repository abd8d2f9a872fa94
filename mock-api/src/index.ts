export type { CollectionName } from './collection.js';
export type { Customer, Item, OrderLine } from './records.js';
export { createMockApi, type MockApi, type MockApiOptions, mockApiProcess } from './service.js';
export { DEFAULT_SETTINGS, readSettings, type Settings } from './settings.js';
export type { TruthDocument, TruthRecord } from './truth.js';
