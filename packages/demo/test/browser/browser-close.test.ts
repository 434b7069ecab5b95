import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sqliteBackend } from '@coatcheck/db';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { type BrowserContext, chromium } from 'playwright-core';
import { describeInChromium, launchOptions } from './chromium.ts';
import { fillLogin, RunningShop, sessionCookie } from './running-shop.ts';

describeInChromium('a Chromium that is closed and opened again', () => {
  let shop: RunningShop;
  let profile: string;
  beforeEach(async () => {
    shop = await RunningShop.start({ backend: sqliteBackend({ path: ':memory:' }), account: true });
    profile = mkdtempSync(path.join(tmpdir(), 'coatcheck-profile-'));
  });
  afterEach(async () => {
    await shop.stop();
    rmSync(profile, { recursive: true, force: true });
  });

  async function open(): Promise<BrowserContext> {
    const context = await chromium.launchPersistentContext(profile, {
      ...launchOptions,
      baseURL: shop.origin,
      locale: 'en-GB',
    });
    shop.watch(context);
    return context;
  }

  it.each([
    ['is logged out where nothing else was asked for', false],
    ['is still logged in where that was asked for', true],
  ])('%s', async (_, remember) => {
    const before = await open();
    const page = await before.newPage();
    await page.goto('/login');
    await fillLogin(page, { remember });
    const { expires = 0, value } = (await sessionCookie(before)) ?? {};
    expect(expires === -1).toBe(!remember);
    await before.close();

    const after = await open();
    expect((await sessionCookie(after))?.value).toBe(remember ? value : undefined);
    const again = await after.newPage();
    await again.goto('/');
    expect(await again.getByText('Ada Lovelace').count()).toBe(remember ? 1 : 0);
  });
});
