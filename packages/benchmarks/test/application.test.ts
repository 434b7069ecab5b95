import { describe, expect, it } from '@jest/globals';
import { answer, lookedAtLate } from '../src/application.ts';

describe('the application that is measured', () => {
  it('does not look at a session that it leaves alone', () => {
    const untouched = lookedAtLate(() => {
      throw new Error('looked at');
    });
    expect(answer('/untouched', untouched)).toBe('untouched');
    expect(() => answer('/read/1', untouched)).toThrow('looked at');
  });

  it('reads and writes the session otherwise', () => {
    const entries = new Map<string, unknown>([['user', 'user-1']]);
    const session = lookedAtLate(() => entries);
    expect(answer('/read/1', session)).toBe('user-1');
    expect(answer('/write/1/7', session)).toBe('7');
    expect(answer('/last/1', session)).toBe('7');
  });
});
