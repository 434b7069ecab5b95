import { CANARY, LeakWatch } from '@coatcheck/faults';
import { describe, expect, it } from '@jest/globals';

const KEY = 'kkkkkkkkkkkkkkkk0123456789abcdef';

describe('what is printed and sent', () => {
  it('is searched for keys, whenever they were issued', () => {
    const watch = new LeakWatch();
    watch.look('an error', `sessionid${KEY}: no such file`);
    expect(watch.leaks()).toEqual([]);
    watch.issue(KEY);
    expect(watch.leaks()).toEqual(['a key in an error']);
  });

  it('is searched across the pieces of a stream', () => {
    const watch = new LeakWatch();
    watch.issue(KEY);
    watch.lookOn('stdout', `key=${KEY.slice(0, 10)}`);
    watch.lookOn('stderr', KEY.slice(10));
    expect(watch.leaks()).toEqual([]);
    watch.lookOn('stdout', KEY.slice(10));
    expect(watch.leaks()).toEqual(['a key in stdout']);
  });

  it.each([0, 1, 2])('is searched for data, in base64 too that begins %i bytes before it', (n) => {
    const encoded = new LeakWatch();
    encoded.look('a body', Buffer.from(`${'x'.repeat(n)}${CANARY}yz`).toString('base64'));
    expect(encoded.leaks()).toEqual(['data in a body']);
    const plain = new LeakWatch();
    plain.look('a body', `{"secret":"${CANARY}"}`);
    expect(plain.leaks()).toEqual(['data in a body']);
  });

  it('may hold anything else', () => {
    const watch = new LeakWatch();
    watch.issue(KEY);
    watch.look('a body', `${KEY.slice(1)} ${KEY.toUpperCase()} canary`);
    expect(watch.leaks()).toEqual([]);
  });
});
