export { describeAccountIndex } from './account-index-suite.ts';
export type { BackendContext, BackendUnderTest, CreateBackend } from './place.ts';
export {
  type ConformanceOptions,
  describeSessionBackend,
  type Inabilities,
  type TestRunner,
} from './session-backend-suite.ts';
export { describeSessionScanner, type ScannerOptions } from './session-scanner-suite.ts';
