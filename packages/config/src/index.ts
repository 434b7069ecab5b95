export { type LoadedConfig, type LoadOptions, loadConfig, loadSessions } from './load-config.ts';
export { type DbSettings, defineConfig, type SessionsConfig } from './settings.ts';
