import type { RequestListener } from 'node:http';
import type { FastifySessionOptions } from '@fastify/session';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import {
  answer,
  keepFromOthers,
  lookedAtLate,
  noSession,
  type SessionPort,
} from '../application.ts';
import type { NodeContender } from '../contender.ts';
import type { Whereabouts } from '../places.ts';
import { AGE, SECRET } from './koa-application.ts';
import { nodeRedis } from './node-redis.ts';

/** The application on Fastify. The peer sets neither `Vary` nor `Cache-Control`. */
async function fastifyApplication(
  install: ((app: FastifyInstance) => unknown) | undefined,
  sessionOf: (request: FastifyRequest) => SessionPort,
): Promise<RequestListener> {
  const { default: fastify } = await import('fastify');
  const app = fastify();
  await install?.(app);
  app.get('/*', async (request, reply) => {
    reply.type('text/plain; charset=utf-8');
    const body = answer(request.url, sessionOf(request));
    // By Fastify's own call: what is set on Node's response slows down all that Fastify sets.
    if (install) keepFromOthers(request.url, { setHeader: (...header) => reply.header(...header) });
    return body;
  });
  await app.ready();
  return (request, response) => app.routing(request, response);
}

async function withFastifySession(
  store?: FastifySessionOptions['store'],
): Promise<RequestListener> {
  const { default: fastifyCookie } = await import('@fastify/cookie');
  const { default: fastifySession } = await import('@fastify/session');
  return fastifyApplication(
    async (app) => {
      await app.register(fastifyCookie);
      await app.register(fastifySession, {
        ...{ secret: SECRET, saveUninitialized: false, rolling: false },
        cookie: { secure: false, maxAge: AGE * 1000 },
        ...(store && { store }),
      });
    },
    (request) => lookedAtLate(() => request.session as unknown as SessionPort),
  );
}

async function withRedis({ redisUrl, table }: Whereabouts): Promise<RequestListener> {
  const { RedisStore } = await import('connect-redis');
  return withFastifySession(new RedisStore({ client: await nodeRedis(redisUrl), prefix: table }));
}

/** Fastify without sessions. */
export const bareFastify: NodeContender = {
  name: 'bare Fastify',
  role: 'bare',
  framework: 'fastify',
  packages: ['fastify'],
  open: () => fastifyApplication(undefined, ({ url }) => noSession(url)),
};

const peer = { role: 'peer', framework: 'fastify' } as const;

export const fastifyPeers: readonly NodeContender[] = [
  {
    ...peer,
    name: '@fastify/session (memory)',
    place: 'memory',
    packages: ['@fastify/session'],
    open: () => withFastifySession(),
  },
  {
    ...peer,
    name: '@fastify/session + connect-redis',
    place: 'redis',
    packages: ['@fastify/session', 'connect-redis', 'redis'],
    open: withRedis,
  },
];
