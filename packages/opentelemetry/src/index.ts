export { type InstrumentationOptions, instrumentSessions } from './instrument-sessions.ts';
