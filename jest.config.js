import { availableParallelism } from 'node:os';

const typescript = { parser: { syntax: 'typescript' } };
const tsx = {
  parser: { syntax: 'typescript', tsx: true },
  transform: { react: { runtime: 'automatic', importSource: 'preact' } },
};

/** @type {import('jest').Config} */
export default {
  testMatch: ['<rootDir>/packages/*/test/**/*.test.ts'],
  injectGlobals: false,
  // With one worker jest runs tests in its own process, which then cannot end while a test holds something.
  maxWorkers: Math.max(2, availableParallelism() - 1),
  reporters: ['default', '<rootDir>/packages/test-support/leaks/leak-reporter.mjs'],
  // Not a measure of speed: a busy machine takes its time.
  testTimeout: 30_000,
  transform: {
    '\\.ts$': ['@swc/jest', { jsc: typescript }],
    '\\.tsx$': ['@swc/jest', { jsc: tsx }],
    '/devalue/src/.*\\.js$': '@swc/jest',
  },
  // devalue is ESM only, which jest's CommonJS mode cannot load as it is.
  transformIgnorePatterns: ['/node_modules/(?!(?:\\.pnpm/devalue@[^/]+/node_modules/)?devalue/)'],
  // Resolve workspace packages to their TypeScript sources, so tests need no build.
  testEnvironmentOptions: { customExportConditions: ['@coatcheck/source', 'node', 'node-addons'] },
  collectCoverageFrom: ['packages/*/src/**/*.{ts,tsx}'],
};
