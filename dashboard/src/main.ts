import { runProcess } from '@tributary/shared';
import { dashboardProcess } from './service.js';

// The image's command: the dashboard as a process of its own, beside the services that it shows.
await runProcess(() => dashboardProcess(process.env), process.env.UMASK);
