/** Whether everything is tried at full length: `npm run test:faults`. */
export const isFullTier: boolean = process.env.FAULTS === 'full';

/** One number for every commit, and one for the full tier. */
export function scale(quick: number, full: number): number {
  return isFullTier ? full : quick;
}

/** Seconds of each long test of the full tier; `FAULTS_SECONDS` shortens them. @default 600 */
export const fullSeconds: number = Number(process.env.FAULTS_SECONDS || 600);

/** The seed of this run: `FAULTS_SEED`, else a new one in the full tier and always the same in the quick one. */
export const seed: number = Number(
  process.env.FAULTS_SEED || (isFullTier ? Date.now() % 1_000_000 : 20_231_114),
);
