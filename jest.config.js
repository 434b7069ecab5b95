const typescript = { parser: { syntax: 'typescript' } };
const tsx = {
  parser: { syntax: 'typescript', tsx: true },
  transform: { react: { runtime: 'automatic', importSource: 'preact' } },
};

/** @type {import('jest').Config} */
export default {
  testMatch: ['<rootDir>/packages/*/test/**/*.test.ts'],
  injectGlobals: false,
  transform: {
    '\\.ts$': ['@swc/jest', { jsc: typescript }],
    '\\.tsx$': ['@swc/jest', { jsc: tsx }],
  },
  // Resolve workspace packages to their TypeScript sources, so tests need no build.
  testEnvironmentOptions: { customExportConditions: ['@coatcheck/source', 'node', 'node-addons'] },
  collectCoverageFrom: ['packages/*/src/**/*.{ts,tsx}'],
};
