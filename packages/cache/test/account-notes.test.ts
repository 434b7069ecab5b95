import { randomBytes } from 'node:crypto';
import { redisBackend } from '@coatcheck/cache';
import { createSessions } from '@coatcheck/core';
import { expect, it } from '@jest/globals';
import { describeWithRedis } from './redis.ts';
import { SECRET_KEY } from './sessions.ts';

describeWithRedis('the notes of an account', (place) => {
  it('do not grow for ever where nobody lists its sessions', async () => {
    let now = new Date();
    const keyPrefix = `${place.keyPrefix}${randomBytes(4).toString('hex')}`;
    const backend = redisBackend({ url: place.url, keyPrefix, now: () => now });
    const sessions = createSessions<Record<string, unknown>>({
      ...{ backend, secretKey: SECRET_KEY, account: true, now: () => now },
    });
    const first = sessions.open();
    first.set('_auth_user_id', '7');
    await first.save();
    let most = 0;
    for (let login = 0; login < 250; login += 1) {
      now = new Date(now.getTime() + 61_000);
      const session = sessions.open();
      session.set('_auth_user_id', '7');
      await session.save();
      await session.flush();
      most = Math.max(most, await place.redis.hlen(`${keyPrefix}:1:coatcheck.account:7`));
    }
    expect(most).toBeLessThanOrEqual(101);
    expect(await sessions.of('7').list()).toHaveLength(1);
    await sessions.close();
  });
});
