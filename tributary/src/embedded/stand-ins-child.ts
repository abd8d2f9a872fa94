/**
 * The process that holds the stand-ins for RabbitMQ and Redis; see stand-ins.ts, which starts it. It is apart because
 * Valkey writes its log to the process's stdout, and so that neither server shares a thread with the pipeline.
 */
import { startBrokerStandIn } from './broker-stand-in.js';
import { startRedisStandIn } from './redis-stand-in.js';

// Ctrl-C in a terminal reaches every process of it. The parent drains first, and needs both servers for that.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

// The parent lets go, or is dead: even kill -9 closes its end.
process.on('disconnect', () => process.exit(0));

const [amqpUrl, redisUrl] = await Promise.all([startBrokerStandIn(), startRedisStandIn()]);
process.send?.({ amqpUrl, redisUrl });
