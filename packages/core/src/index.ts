export * from './errors.ts';
export type * from './session-backend.ts';
