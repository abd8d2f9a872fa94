import { runProcess } from '@tributary/shared';
import { mockApiProcess } from './service.js';

// The image's command: a CRM to poll, as a process of its own.
await runProcess(() => mockApiProcess(process.env), process.env.UMASK);
