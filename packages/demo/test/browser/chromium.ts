import { chromiumArguments, chromiumIsMissing, chromiumPath } from '@coatcheck/test-support';
import { afterAll, beforeAll, describe, jest } from '@jest/globals';
import { type Browser, chromium, type LaunchOptions } from 'playwright-core';

/** How a Chromium for tests is started. */
export const launchOptions: LaunchOptions = {
  executablePath: chromiumPath,
  args: [...chromiumArguments],
  // What the back button shows is one of the tests.
  ignoreDefaultArgs: ['--disable-back-forward-cache'],
};

/** Tests in one real, headless Chromium; skipped, with the way to get it, where there is none. */
export function describeInChromium(title: string, define: (browser: () => Browser) => void): void {
  const reason = chromiumIsMissing();
  if (reason !== undefined) {
    describe.skip(`${title} (${reason})`, () => define(() => undefined as never));
    return;
  }
  // Not a measure of speed: a browser on a busy machine takes its time.
  jest.setTimeout(120_000);
  describe(title, () => {
    let browser: Browser | undefined;
    beforeAll(async () => {
      browser = await chromium.launch(launchOptions);
    });
    afterAll(() => browser?.close());
    define(() => browser as Browser);
  });
}
