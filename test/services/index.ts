/** Private servers and their processes, for the bench. */
export { until } from '../src/chaos/until.js';
export { findOrInstall } from './apt.js';
export type { PrivateService, Say } from './handle.js';
export { freePort } from './ports.js';
export { startPrivatePostgres } from './postgres.js';
export { family } from './processes.js';
export { startPrivateRabbitMQ } from './rabbitmq.js';
export { type Reaper, startReaper } from './reaper.js';
export { type PrivateRedis, startPrivateRedis } from './redis.js';
