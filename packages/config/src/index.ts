export { type LoadedConfig, type LoadOptions, loadConfig, loadSessions } from './load-config.ts';
export {
  type CacheSettings,
  type DbSettings,
  type DjangoCacheSettings,
  defineConfig,
  type EngineSettings,
  type FileSettings,
  type MigratingFromSettings,
  type SessionsConfig,
  type SignedCookiesSettings,
} from './settings.ts';
