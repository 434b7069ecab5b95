import type { NodeContender } from '../contender.ts';
import { coatcheck, lazyCoatcheck } from './coatcheck.ts';
import { bareExpress, expressPeers } from './express-peers.ts';
import { bareFastify, fastifyPeers } from './fastify-peers.ts';
import { bareKoa } from './koa-application.ts';
import { koaPeers } from './koa-peers.ts';
import { limits } from './limits.ts';

/** Every contender that Node runs. */
export const nodeContenders: readonly NodeContender[] = [
  ...[bareKoa, bareExpress, bareFastify],
  ...[...limits, ...coatcheck, ...lazyCoatcheck, ...koaPeers, ...expressPeers, ...fastifyPeers],
];
