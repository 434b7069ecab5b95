import { chromiumIsMissing } from '@coatcheck/test-support';
import { afterEach, describe, expect, it } from '@jest/globals';

describe('a machine without Chromium', () => {
  const { REQUIRE_SERVICES } = process.env;
  afterEach(() => {
    if (REQUIRE_SERVICES === undefined) delete process.env.REQUIRE_SERVICES;
    else process.env.REQUIRE_SERVICES = REQUIRE_SERVICES;
  });

  it('is told in one line how to get it', () => {
    delete process.env.REQUIRE_SERVICES;
    expect(chromiumIsMissing('/nowhere/chromium')).toBe(
      '/nowhere/chromium does not start: apt-get install chromium, or set CHROMIUM_PATH',
    );
  });

  it('fails where services are required', () => {
    process.env.REQUIRE_SERVICES = '1';
    expect(() => chromiumIsMissing('/nowhere/chromium')).toThrow('apt-get install chromium');
  });

  it('is not one where the program starts', () => {
    expect(chromiumIsMissing(process.execPath)).toBeUndefined();
  });
});
