export type { DeadRecordGroup } from './metrics/dead-records.js';
export { type Consumer, type ConsumerOptions, consumerProcess, createConsumer } from './service.js';
export { checkSink, compareWithOutput } from './sinks/create.js';
export { type OutputEvidence, stillHolds, takeEvidence } from './sinks/csv/evidence.js';
export { replaceFile } from './sinks/csv/files.js';
