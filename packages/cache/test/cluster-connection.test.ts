import { EventEmitter } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import type { RedisClient } from '../src/redis-client.ts';
import { RedisConnection } from '../src/redis-connection.ts';

/** As the client of a cluster, which keeps commands while it is not connected. */
class FakeCluster extends EventEmitter implements RedisClient {
  readonly isCluster = true;
  readonly options = {};
  status = 'ready';
  /** Keeps commands although it is connected, as those that it sends again by itself. */
  keeps = false;
  readonly sent: unknown[][] = [];
  readonly kept: ((error: Error) => void)[] = [];

  defineCommand(): void {}

  disconnect(): void {}

  nodes(): [] {
    return [];
  }

  set(...args: unknown[]): Promise<unknown> {
    if (this.keeps || this.status !== 'ready')
      return new Promise((_, reject) => this.kept.push(reject));
    this.sent.push(args);
    return Promise.resolve('OK');
  }

  flushQueue(error: Error): void {
    for (const reject of this.kept.splice(0)) reject(error);
  }

  turn(status: string, event: string): void {
    this.status = status;
    this.emit(event);
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a connection to a cluster', () => {
  it('sends what was asked for in its last moment on the next one', async () => {
    const client = new FakeCluster();
    const connection = new RedisConnection(client, true);
    const sending = connection.send('set', ['key', 'value'], true);
    client.turn('reconnecting', 'close');
    await nextTurn();
    expect([client.sent, client.kept]).toEqual([[], []]);
    client.turn('ready', 'ready');
    expect(await sending).toBe('OK');
    expect(client.sent).toEqual([['key', 'value']]);
  });

  it('leaves nothing with a client that has lost its servers, to be sent whenever they are back', async () => {
    const client = new FakeCluster();
    const connection = new RedisConnection(client, true);
    client.keeps = true;
    const sending = connection.send('set', ['key'], true, false);
    await nextTurn();
    expect(client.kept).toHaveLength(1);
    client.turn('reconnecting', 'close');
    await expect(sending).rejects.toMatchObject({ name: 'RedisFailure', code: 'NOTSENT' });
    expect(client.kept).toEqual([]);
  });

  it('leaves what an application sent with the client of the application', async () => {
    const client = new FakeCluster();
    new RedisConnection(client, false);
    client.keeps = true;
    void client.set('of the application');
    client.turn('reconnecting', 'close');
    expect(client.kept).toHaveLength(1);
  });

  it('changes a node once, however many backends share its client', () => {
    const node = Object.assign(new FakeCluster(), { asking: () => Promise.resolve('OK') });
    const client = new FakeCluster();
    new RedisConnection(client, false);
    client.emit('+node', node);
    const { asking } = node;
    new RedisConnection(client, false);
    client.emit('+node', node);
    expect(node.asking).toBe(asking);
  });
});
