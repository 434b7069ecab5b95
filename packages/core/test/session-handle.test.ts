import { describe, expect, it } from '@jest/globals';
import { sessionHandle } from '../src/session-handle.ts';

describe('sessionHandle', () => {
  it('begins with no dash, which a command line would take for an option', () => {
    const handles = new Set<string>();
    for (let n = 0; n < 10_000; n += 1) handles.add(sessionHandle(`key${n}`, 'secret'));
    expect(handles.size).toBe(10_000);
    for (const handle of handles) expect(handle).toMatch(/^\w[\w-]{21}$/);
  });
});
