/**
 * The tests' own way to private servers and processes. The path goes to what `tsc -b` built, and leads there from src
 * and from dist alike: both lie two folders below the repository's.
 */
export { findOrInstall } from '../../test/dist/services/apt.js';
export type { PrivateService, Say } from '../../test/dist/services/handle.js';
export { freePort } from '../../test/dist/services/ports.js';
export { startPrivatePostgres } from '../../test/dist/services/postgres.js';
export { family } from '../../test/dist/services/processes.js';
export { startPrivateRabbitMQ } from '../../test/dist/services/rabbitmq.js';
export { type Reaper, startReaper } from '../../test/dist/services/reaper.js';
export { type PrivateRedis, startPrivateRedis } from '../../test/dist/services/redis.js';
export { until } from '../../test/dist/src/chaos/until.js';
