import { once } from 'node:events';
import net from 'node:net';
import { TcpProxy } from '@coatcheck/test-support';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

describe('a proxy between a client and a server', () => {
  let received: string;
  let server: net.Server;
  let proxy: TcpProxy;
  let clients: net.Socket[];

  beforeEach(async () => {
    received = '';
    clients = [];
    // Answers each piece with the same in capitals.
    server = net.createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', (piece) => {
        received += piece;
        socket.write(String(piece).toUpperCase());
      });
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as net.AddressInfo;
    proxy = new TcpProxy({ host: '127.0.0.1', port });
    await proxy.accept();
  });

  afterEach(async () => {
    for (const client of clients) client.destroy();
    await proxy.refuse();
    server.close();
    await once(server, 'close');
  });

  async function connect(): Promise<net.Socket> {
    const client = net.connect(proxy.port, '127.0.0.1');
    clients.push(client);
    await once(client, 'connect');
    return client;
  }

  const answerTo = async (client: net.Socket, text: string): Promise<string> => {
    const answer = once(client, 'data');
    client.write(text);
    return String((await answer)[0]);
  };

  /** The code of the error with which the connection ends. */
  const endOf = (client: net.Socket): Promise<unknown> =>
    new Promise((resolve) => {
      client.once('error', (error: { code?: string }) => resolve(error.code));
      client.once('close', () => resolve('closed'));
    });

  it('hands on what they say to each other', async () => {
    const client = await connect();
    expect(await answerTo(client, 'one')).toBe('ONE');
    expect(await answerTo(client, 'two')).toBe('TWO');
    expect(proxy.through('redis://name@localhost:6379/1')).toBe(
      `redis://name@127.0.0.1:${proxy.port}/1`,
    );
  });

  it('delays either direction', async () => {
    const client = await connect();
    for (const traffic of [proxy.requests, proxy.answers]) {
      traffic.delayMs = 30;
      const start = performance.now();
      expect(await answerTo(client, 'a')).toBe('A');
      expect(performance.now() - start).toBeGreaterThan(25);
      traffic.delayMs = 0;
    }
    expect(received).toBe('aa');
  });

  it('holds a direction, and hands it on later', async () => {
    const client = await connect();
    proxy.answers.mode = 'hold';
    const answer = once(client, 'data');
    client.write('a');
    while (received === '') await new Promise(setImmediate);
    expect(client.bytesRead).toBe(0);
    proxy.answers.mode = 'pass';
    expect(String((await answer)[0])).toBe('A');
  });

  it('drops a direction: the connection stays open and is never of use again', async () => {
    const client = await connect();
    proxy.requests.mode = 'drop';
    client.write('a');
    const other = await connect();
    other.write('b');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([received, client.destroyed, other.destroyed]).toEqual(['', false, false]);
    const ends = [endOf(client), endOf(other)];
    await proxy.heal();
    expect(await Promise.all(ends)).toEqual(['ECONNRESET', 'ECONNRESET']);
    expect(await answerTo(await connect(), 'c')).toBe('C');
  });

  it('cuts the answer to a request that was carried out', async () => {
    const client = await connect();
    proxy.answers.mode = 'cut';
    const end = endOf(client);
    client.write('a');
    expect(await end).toBe('ECONNRESET');
    expect([received, client.bytesRead]).toEqual(['a', 0]);
  });

  it('cuts a request before it is carried out', async () => {
    const client = await connect();
    proxy.requests.mode = 'cut';
    const end = endOf(client);
    client.write('a');
    expect(await end).toBe('ECONNRESET');
    expect(received).toBe('');
  });

  it('resets connections, and takes new ones', async () => {
    const client = await connect();
    expect(await answerTo(client, 'a')).toBe('A');
    const end = endOf(client);
    proxy.reset();
    expect(await end).toBe('ECONNRESET');
    expect(await answerTo(await connect(), 'b')).toBe('B');
  });

  it('refuses connections until it accepts them again, on the same port', async () => {
    const { port } = proxy;
    await proxy.refuse();
    await expect(connect()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await proxy.accept();
    expect(proxy.port).toBe(port);
    expect(await answerTo(await connect(), 'a')).toBe('A');
  });
});
