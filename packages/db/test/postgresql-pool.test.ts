import { once } from 'node:events';
import net from 'node:net';
import { postgresqlBackend } from '@coatcheck/db';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';

/** A message of PostgreSQL's protocol: a letter, the length, the content. */
function message(letter: string, content: Buffer | string): Buffer {
  const body = Buffer.from(content);
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(letter), length, body]);
}

describe('a server that ends a connection in the packet that opens it', () => {
  let server: net.Server;
  let url: string;
  beforeEach(async () => {
    const ready = [message('R', Buffer.alloc(4)), message('Z', 'I')];
    const goodbye = message('E', 'SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0');
    server = net.createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end(Buffer.concat([...ready, goodbye])));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    url = `postgres://user@127.0.0.1:${(server.address() as net.AddressInfo).port}/database`;
  });
  afterEach(async () => {
    server.close();
    await once(server, 'close');
  });

  it.each(['of its own', 'of the application'])(
    'does not end the process, with a pool %s',
    async (whose) => {
      const pool = whose === 'of its own' ? undefined : new pg.Pool({ connectionString: url });
      const backend = pool ? postgresqlBackend({ pool }) : postgresqlBackend({ url });
      // An error that nobody hears fails the test.
      for (let i = 0; i < 3; i += 1) await expect(backend.load('k'.repeat(32))).rejects.toThrow();
      await backend.close();
      await pool?.end();
    },
  );
});
