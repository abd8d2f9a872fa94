export type { TruthDocument, TruthRecord } from './admin/truth.js';
export type { CollectionName } from './crm/collection.js';
export type { Customer, Item, OrderLine } from './crm/records.js';
export { createMockApi, type MockApi, type MockApiOptions, mockApiProcess } from './service.js';
export { DEFAULT_SETTINGS, readSettings, type Settings } from './settings.js';
