export { noteBuried } from './dead-letters/redis-buried.js';
export { type EraseOptions, eraseKey } from './erase/erase.js';
export type { Erasure } from './erase/erasure.js';
export { collectHeld, type Held, type HeldRow, type SubjectOptions } from './erase/subject.js';
export type { DeadRecordGroup } from './metrics/dead-records.js';
export type { ConsumerObserver, DeadRecord, ErasedRecord } from './metrics/observer.js';
export { type Consumer, type ConsumerOptions, consumerProcess, createConsumer } from './service.js';
export { outputCopies } from './sinks/copies/create.js';
export type { OutputCopies } from './sinks/copies/port.js';
export { checkSink, compareWithOutput } from './sinks/create.js';
export { type OutputEvidence, stillHolds, takeEvidence } from './sinks/csv/evidence.js';
export type {
  Inspection,
  LandedRow,
  LandedRows,
  MakeProgramSink,
  Mark,
  Marks,
  Sink,
  SinkContext,
  SinkWriter,
  StoredDataset,
  StoredOutput,
} from './sinks/port.js';
export { type Refusal, RowsRefused } from './sinks/refused.js';
export { WriterLost } from './writer-lost.js';
