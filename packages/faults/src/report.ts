import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { isFullTier } from './tier.ts';

const DIRECTORY = path.join(import.meta.dirname, '../report');

/** Keeps what the full tier measured, as `report/<name>.json` of this package. */
export function record(name: string, figures: object): void {
  if (isFullTier) keep(name, figures);
}

/** Keeps what is needed to understand a failure, as `report/<name>.json` of this package. */
export function keep(name: string, figures: object): void {
  mkdirSync(DIRECTORY, { recursive: true });
  const file = path.join(DIRECTORY, `${name.replaceAll(/[^a-zA-Z0-9]+/g, '-')}.json`);
  writeFileSync(file, `${JSON.stringify(figures, null, 2)}\n`);
}
