import { runProcess } from '@tributary/shared';
import { producerProcess } from './service.js';

// The image's command: a producer as a process of its own, beside a RabbitMQ and a Redis that run already.
await runProcess(() => producerProcess(process.env), process.env.UMASK);
