export type { AlertNews } from './alerts/news.js';
export { AuditLog } from './audit/audit.js';
export type * from './data/readers/port.js';
export { type CopiedLetter, copyLetters, putLettersBack } from './dead-letters/commands/copies.js';
export {
  checkDeadLetterRequest,
  DEAD_LETTER_COMMANDS,
  type DeadLetterCommand,
  type DeadLetterRequest,
} from './dead-letters/commands/request.js';
export {
  type DeadLetterCommandOptions,
  eraseLettersOfRecord,
  lettersOfRecord,
  type Reaching,
  runDeadLetterCommand,
} from './dead-letters/commands/run.js';
export type { ErasedLetters } from './dead-letters/record-letters.js';
export { faultsOfQueries } from './exports/check-queries.js';
export { checkExport, type ExportCommandOptions, runExportCommand } from './exports/command.js';
export { type KeptRun, keptRuns } from './exports/finished.js';
export type { ExportResult } from './exports/run.js';
export { createDashboard, type Dashboard, type DashboardOptions, dashboardProcess } from './service.js';
export { type DashboardSettings, readDashboardSettings } from './settings.js';
export { type Cell, type SqlColumn, SqlError } from './sql/port.js';
export { type SampleOptions, sampleDatasets } from './sql/sample.js';
