export type { Channel, ChannelModel, ConfirmChannel, ConsumeMessage, RecoveringChannelModel } from 'amqplib';
export { alertsFileOf, headFileOf, queriesFileOf } from './audit/beside.js';
export { type ChainFault, type ChainPlace, keyOf as auditPlaceText, placeIn as auditPlaceIn } from './audit/chain.js';
export { type AuditFindings, isWhole, verifyAuditLog } from './audit/verify.js';
export { type AuditActor, type AuditedAct, AuditWriter } from './audit/writer.js';
export { BackupFiles, BackupFolder, type CopiedFile } from './backup/folder.js';
export { jsonLine, jsonLines, readBytes, writeBytes } from './backup/lines.js';
export * from './broker/amqp.js';
export { connectionsEnd } from './broker/close-reason.js';
export * from './broker/fitting-headers.js';
export * from './broker/queue-depths.js';
export * from './broker/reasons.js';
export { tableSize } from './broker/table-size.js';
export * from './broker/topology.js';
export { adviceOn } from './config/advice.js';
export type { Metric } from './config/aggregate.js';
export { concealedIn, formsOf, withoutValues } from './config/concealed.js';
export { BODY_VARIABLES } from './config/condition.js';
export { columnOf } from './config/cross-check/sql.js';
export {
  ENVIRONMENT,
  type Environment,
  PORTS,
  type Reader,
  type ServiceEnvironment,
  type Variable,
  type VariableName,
  variable,
} from './config/environment.js';
export { wanted } from './config/expectation.js';
export { FILTERS, type Filter } from './config/export.js';
export { ConfigError, type Fault } from './config/fault.js';
export { DEFAULT_MAX_LENGTH, type Field, type FieldSource, mappedFields, protectsAny } from './config/fields.js';
export type { IncrementalConfig } from './config/incremental.js';
export type { MetricKind } from './config/kinds/aggregate-metrics.js';
export { ALERT_CHANNELS, type AlertChannelKind } from './config/kinds/alert-channels.js';
export { ALERT_CONDITIONS, type AlertConditionKind } from './config/kinds/alert-conditions.js';
export { type AuthConfig, type AuthKind, type AuthOf, grantOf, keepsToken, placeOf } from './config/kinds/auth.js';
export { EXPORT_FORMATS, type ExportFormat } from './config/kinds/export-formats.js';
export type { FieldType, Unit } from './config/kinds/field-types.js';
export type { Arrangement, FormatConfig, FormatKind } from './config/kinds/formats.js';
export { PAGE_PLACEHOLDERS, type PagePlaceholder, type PagingConfig, type PagingKind } from './config/kinds/paging.js';
export {
  PROTECTIONS,
  type Protection,
  type ProtectionKind,
  type ProtectionOf,
  protectionFault,
} from './config/kinds/protections.js';
export {
  isSinkKind,
  SINKS,
  type SinkConfig,
  type SinkKind,
  type SinkWords,
  sinkWords,
  wayOfStoring,
} from './config/kinds/sinks.js';
export { SOURCES, type SourceKind } from './config/kinds/sources.js';
export { DATABASES, type DatabaseKind } from './config/kinds/sql.js';
export { SENDERS, type SenderConfig, type SenderKind, type SenderOf } from './config/kinds/webhook-senders.js';
export { loadPipeline, type ParseOptions, parsePipeline } from './config/load.js';
export { masked } from './config/masked.js';
export { masksIn } from './config/masks-left.js';
export { missingKeys } from './config/missing-keys.js';
export { type PlacedText, type Placeholder, parsePlaceholders, placeholdersIn } from './config/placeholders.js';
export { type ExportPrivacy, levelFault, type PrivacyLevel } from './config/privacy.js';
export { type ReplacedEntity, replaceEntity } from './config/replaced-entity.js';
export { type RowsKept, rowsKept } from './config/rows-kept.js';
export type * from './config/schema.js';
export {
  authOf,
  type HookConfig,
  hasOwnOrder,
  hookOf,
  isPolled,
  lostWithMemory,
  originOf,
} from './config/source-facts.js';
export { isSecretName } from './config/substitute.js';
export { hierarchiesOf, unusableHierarchies } from './config/unusable-hierarchies.js';
export { withoutPlaceholders } from './config/values.js';
export * from './csv/cells.js';
export { guard, type Neutralised, withoutGuard } from './csv/formulas.js';
export * from './csv/lines.js';
export * from './csv/parts.js';
export * from './csv/split-cells.js';
export * from './csv/unique-names.js';
export * from './errors.js';
export * from './expressions/index.js';
export * from './postgres/odd-messages.js';
export * from './postgres/primary.js';
export * from './postgres/servers.js';
export { Hierarchies } from './privacy/hierarchy.js';
export {
  type Called,
  kindByName,
  PERSONAL_KINDS,
  type PersonalKind,
  personalKindOf,
  wordsOf,
} from './privacy/kinds.js';
export * from './records/decimal.js';
export { DELETED } from './records/deleted.js';
export { describeValue } from './records/describe.js';
export * from './records/entity.js';
export * from './records/hash.js';
export * from './records/integer.js';
export * from './records/json.js';
export * from './records/kept-bodies.js';
export { isUsableKey, joinKey, keyColumnOf, keyFieldsOf, splitKey } from './records/key.js';
export * from './records/message.js';
export * from './records/object-maker.js';
export * from './records/own-value.js';
export * from './records/pack.js';
export * from './records/path.js';
export * from './records/remember.js';
export * from './records/row.js';
export * from './records/times/instant.js';
export * from './records/times/pattern.js';
export * from './records/times/unix.js';
export * from './records/times/zone.js';
export { likelyType, lineToDeclare, UNKNOWN_FIELDS } from './records/unknown-fields.js';
export { ORIGIN, UNREADABLE } from './records/unreadable.js';
export { compileFields } from './records/validate.js';
export * from './records/version.js';
export * from './redis/health.js';
export * from './redis/ledger-doubt.js';
export type { Overwritten } from './redis/overwritten.js';
export * from './redis/pipeline-claim.js';
export * from './redis/publication-numbers.js';
export * from './redis/publications.js';
export * from './redis/publications-held.js';
export * from './redis/publications-settled.js';
export * from './redis/redis.js';
export * from './redis/restoring.js';
export * from './redis/run-log.js';
export * from './redis/seen-again.js';
export { upTo } from './s3/answer.js';
export type { BoundedClient, BoundedOptions } from './s3/bounded-client.js';
export * from './s3/open.js';
export * from './schedule/cron.js';
export { closeText, NONCE_BYTES, openText } from './service/aes-gcm.js';
export * from './service/bounded-process.js';
export * from './service/buckets.js';
export * from './service/built-file.js';
export * from './service/clock.js';
export { hasBody } from './service/connections.js';
export * from './service/development-credentials.js';
export * from './service/found-for-page.js';
export * from './service/health.js';
export { keepHeapSmall } from './service/heap.js';
export * from './service/instance.js';
export * from './service/interruptible.js';
export { isRunning, thisProcess } from './service/is-running.js';
export * from './service/lifecycle.js';
export { levelOf } from './service/log-level.js';
export { type LogLine, LogLines, linesOf } from './service/log-lines.js';
export { PipedLog } from './service/log-output.js';
export * from './service/logging.js';
export * from './service/memory-watch.js';
export * from './service/metrics.js';
export * from './service/problems.js';
export { openFile, readText, readWhole } from './service/read-file.js';
export * from './service/reading.js';
export { random, replaceFile, syncFolder } from './service/replace-file.js';
export * from './service/routes.js';
export * from './service/safe-text.js';
export * from './service/settings.js';
export { textLines } from './service/text-lines.js';
export * from './service/token.js';
export { withTimeout } from './service/with-timeout.js';
export { activeSpan } from './telemetry/active.js';
export { openTelemetry } from './telemetry/open.js';
export * from './telemetry/port.js';
export { readTelemetry, type TelemetrySettings } from './telemetry/settings.js';
export * from './words.js';
