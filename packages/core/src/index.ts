export {
  type AccountIndex,
  type AccountNote,
  type ClientFacts,
  indexesAccounts,
  type NotedSession,
} from './account-index.ts';
export type { AccountFunction } from './account-notes.ts';
export type { AccountSession, AccountSessions } from './account-sessions.ts';
export { isPromise } from './awaitable.ts';
export {
  CircuitBreaker,
  type CircuitBreakerOptions,
} from './circuit-breaker.ts';
export {
  type Clearing,
  type ClearingOptions,
  jittered,
  type StartTimer,
} from './clearing-timer.ts';
export { type Ending, withDeadline } from './deadline.ts';
export * from './errors.ts';
export type { Expiry, ExpiryOptions } from './expiry.ts';
export { type Generations, recentTexts } from './generations.ts';
export { HttpSession } from './http-session.ts';
export type { HttpSessionOptions } from './http-session-options.ts';
export type { MigratingFromOptions } from './migrating-from.ts';
export type { MoveRestOptions } from './move-rest.ts';
export type { Operation, OperationTrace } from './operation-tracing.ts';
export { ownText } from './own-text.ts';
export { randomText } from './random-text.ts';
export { Redactor, type Sent } from './redactor.ts';
export {
  fileSystemFinding,
  isOverTheNetwork,
  reportsSafety,
  type SafetyFinding,
  type SafetyLevel,
  type SafetyReporter,
} from './safety.ts';
export { jsonSerializer, type Serializer } from './serializers.ts';
export type { AttributesFunction, EntryReader } from './session-attributes.ts';
export type {
  Awaitable,
  ClearExpiredOptions,
  ExpiryReader,
  OriginalReader,
  SessionAttributes,
  SessionBackend,
  SessionRecord,
  StoredSession,
  Written,
} from './session-backend.ts';
export { type CookieOptions, type CookieSettings, cookieValues } from './session-cookie.ts';
export type { SessionData, SessionKey, SessionValue } from './session-data.ts';
export type {
  RejectedReason,
  SessionEvent,
  SessionEventEmitter,
  SessionEvents,
  UnavailableReason,
} from './session-events.ts';
export type { SessionResponse } from './session-headers.ts';
export type {
  FoundImport,
  ImportedSession,
  SessionImporter,
  StoredImport,
} from './session-importer.ts';
export type {
  InspectedBatch,
  InspectedSession,
  RecordState,
  SessionInspector,
} from './session-inspector.ts';
export {
  checkedBatchSize,
  type ScannedBatch,
  type ScannedSession,
  type ScanOptions,
  type SessionScanner,
  scansSessions,
} from './session-scanner.ts';
export { cycleKeyAtLogin, SessionStore, settingsOf } from './session-store.ts';
export { createSessions, Sessions } from './sessions.ts';
export type { SessionsOptions, Settings } from './settings.ts';
export {
  dumps,
  loads,
  type SignedText,
  Signer,
  saltedHmac,
  TimestampSigner,
} from './signing.ts';
export { localToInstant, toLocal } from './time-zone.ts';
