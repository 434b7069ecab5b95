import { createSessions, type SessionsOptions } from '@coatcheck/core';
import { describe, expect, it } from '@jest/globals';
import { MemoryBackend } from './support/memory-backend.ts';

const SECRET = 'q8Zr1nVd5sWk0aYb7uEo3tGh9xLc2mPf';

async function found(options: Partial<SessionsOptions> = {}): Promise<string[]> {
  const sessions = createSessions({
    backend: new MemoryBackend({ now: () => new Date() }),
    secretKey: SECRET,
    ...options,
  });
  const findings = await sessions.checkSafety();
  return findings.map(({ level, about, message }) => `${level} ${about}: ${message}`);
}

describe('checkSafety', () => {
  it('finds nothing unsafe in careful settings, and says what the engine does not tell', async () => {
    const findings = await found({
      cookie: { name: '__Host-sessionid', secure: true },
      idleTimeout: 3600,
    });
    expect(findings.map((line) => line.split(':')[0])).toEqual([
      'safe Secret key',
      'safe Cookie',
      'safe Lifetime',
      'notice Engine',
    ]);
  });

  it.each([
    [{ cookie: { secure: false } }, /^unsafe Cookie: cookie\.secure/],
    [{ cookie: { secure: true, httpOnly: false } }, /^unsafe Cookie: cookie\.httpOnly/],
    [{ cookie: { secure: true, sameSite: 'None' } }, /^notice Cookie: cookie\.sameSite/],
    [{ cookie: { sameSite: false } }, /^notice Cookie: cookie\.sameSite/],
    [{ cookie: { domain: 'example.com' } }, /^notice Cookie: cookie\.domain/],
    [{ cookie: { secure: true } }, /^notice Cookie: With cookie\.name "__Host-sessionid"/],
    [{}, /^notice Lifetime: A session ends 1209600 seconds after its last change/],
    [{ secretKey: 'short', allowWeakSecret: true }, /^unsafe Secret key: secretKey has fewer/],
    [{ secretKeyFallbacks: ['old'] }, /^unsafe Secret key: One of secretKeyFallbacks/],
    [{ secretKeyFallbacks: [`${SECRET}0`] }, /^notice Secret key: A former key is still accepted/],
  ] as const)('judges %j', async (options, expected) => {
    const findings = await found(options);
    expect(findings.filter((line) => expected.test(line))).toHaveLength(1);
    expect(findings.join()).not.toContain(SECRET);
  });

  it('rejects when the place does not answer', async () => {
    const backend = Object.assign(new MemoryBackend({ now: () => new Date() }), {
      reportSafety: () => Promise.reject(new Error('away')),
    });
    await expect(found({ backend })).rejects.toThrow('away');
  });
});
