import { fileURLToPath } from 'node:url';

/**
 * The file to import before a child process of a test, so that it runs the workspace's sources without a build:
 * `node --conditions=@coatcheck/source --import <this> child.ts`.
 */
export const typescriptLoader: string = fileURLToPath(
  new URL('../typescript-loader.mjs', import.meta.url),
);
