import type { FaultKind } from '../plan.js';
import type { Act } from './act.js';
import { failPostgresOver, failRedisOver } from './failovers.js';
import { sendForeign } from './foreign.js';
import {
  cutPostgresOff,
  flushRedis,
  killConsumer,
  killProducer,
  pauseConsumer,
  restartRabbitMQ,
  restartRedis,
  takeSourceDown,
} from './kills.js';
import { cutLink, deafLink, silentLink, slowLink } from './links.js';
import { fillDisk, moveClock, moveRedisClock, raiseAlarm, silenceRabbitMQ, silenceRedis } from './machines.js';
import { deleteQueue, limitDeadLetters, lockTable, purgeQueue, removeRows } from './operators.js';
import { emptyBroker, putSinkBack } from './stores.js';

export const ACTS: Readonly<Record<FaultKind, Act>> = {
  producer: killProducer,
  consumer: killConsumer,
  pause: pauseConsumer,
  rabbitmq: restartRabbitMQ,
  redisFlush: flushRedis,
  redisRestart: restartRedis,
  postgres: cutPostgresOff,
  source: takeSourceDown,
  slowLink,
  silentLink,
  deafLink,
  cutLink,
  silentRedis: silenceRedis,
  silentRabbitMQ: silenceRabbitMQ,
  memoryAlarm: raiseAlarm,
  fullDisk: fillDisk,
  clock: moveClock,
  redisClock: moveRedisClock,
  redisFailover: failRedisOver,
  postgresFailover: failPostgresOver,
  sinkBack: putSinkBack,
  brokerEmpty: emptyBroker,
  purge: purgeQueue,
  queueDeleted: deleteQueue,
  rowsRemoved: removeRows,
  tableLocked: lockTable,
  deadPolicy: limitDeadLetters,
  foreign: sendForeign,
};
