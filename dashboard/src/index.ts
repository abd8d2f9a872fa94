export type * from './data/readers/port.js';
export { createDashboard, type Dashboard, type DashboardOptions } from './service.js';
export { type DashboardSettings, readDashboardSettings } from './settings.js';
