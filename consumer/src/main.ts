import { runProcess } from '@tributary/shared';
import { consumerProcess } from './service.js';

// The image's command: one consumer of every queue of the pipeline. Run as many as you like.
await runProcess(() => consumerProcess(process.env), process.env.UMASK);
