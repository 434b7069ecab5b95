/** @type {import('jest').Config} */
export default {
  testMatch: ['<rootDir>/packages/*/test/**/*.test.ts'],
  injectGlobals: false,
  transform: { '\\.tsx?$': ['@swc/jest', { jsc: { parser: { syntax: 'typescript' } } }] },
  // Resolve workspace packages to their TypeScript sources, so tests need no build.
  testEnvironmentOptions: { customExportConditions: ['@coatcheck/source', 'node', 'node-addons'] },
  collectCoverageFrom: ['packages/*/src/**/*.ts'],
};
