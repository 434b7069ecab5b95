export { chromiumArguments, chromiumIsMissing, chromiumPath } from './chromium.ts';
export { createRandom } from './create-random.ts';
export {
  type Django,
  type DjangoDriver,
  describeDjangos,
  djangos,
  startPython,
} from './django.ts';
export { djangoFixture } from './fixtures.ts';
export { mariadbServer } from './mariadb-server.ts';
export { postgresqlServer } from './postgresql-server.ts';
export { findProgram, PrivateServer, type TestServer } from './private-server.ts';
export { type PythonOptions, PythonProcess } from './python-process.ts';
export {
  type RedisSentinelOptions,
  type RedisServers,
  startRedisCluster,
  startRedisSentinel,
} from './redis-cluster.ts';
export {
  freePort,
  RedisServer,
  type RedisServerOptions,
  redisIsMissing,
  startRedis,
} from './redis-server.ts';
export { type Random, seededRandom } from './seeded-random.ts';
export { TcpProxy, Traffic, type TrafficMode } from './tcp-proxy.ts';
export { typescriptLoader } from './typescript-loader.ts';
