export { type AuditOptions, audit } from './audit/audit.js';
export type { AuditReport, Column, Counts, Finding } from './audit/report.js';
export { csvRows } from './audit/sinks/csv.js';
export { postgresRows } from './audit/sinks/postgres.js';
export { apiTruth, type TrueRecord, type Truth } from './audit/truth.js';
