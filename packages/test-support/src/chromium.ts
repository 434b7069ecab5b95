import { execFileSync } from 'node:child_process';

/** The Chromium that tests run: Debian's, or the one that `CHROMIUM_PATH` names. */
export const chromiumPath: string = process.env.CHROMIUM_PATH || '/usr/bin/chromium';

/** What keeps a Chromium of a test to itself and to this machine. */
export const chromiumArguments: readonly string[] = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/**
 * Why tests in a real browser have to be skipped, or `undefined`: they can run.
 *
 * @throws {Error} instead of a reason where `REQUIRE_SERVICES=1`.
 */
export function chromiumIsMissing(path: string = chromiumPath): string | undefined {
  try {
    execFileSync(path, ['--version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    const reason = `${path} does not start: apt-get install chromium, or set CHROMIUM_PATH`;
    if (process.env.REQUIRE_SERVICES === '1') throw new Error(`${reason}; REQUIRE_SERVICES=1.`);
    return reason;
  }
}
