import { type Contender, scenarios } from '@coatcheck/benchmarks';
import { describe, expect, it } from '@jest/globals';
import { nodeContenders } from '../src/contenders/index.ts';
import { runHeat } from '../src/heat.ts';
import { Premises } from '../src/places.ts';
import { type Running, startContender } from '../src/running.ts';
import type { Scenario } from '../src/scenarios.ts';

const bareKoa = nodeContenders.find(({ name }) => name === 'bare Koa') as Contender;
const read = scenarios.find(({ name }) => name === 'read') as Scenario;
const effort = {
  ...{ rounds: 6, processes: 1, sliceMs: 5, warmUpRequests: 20, warmUpMs: 50 },
  ...{ connections: 4, visitorsPerConnection: 2 },
};

/** A heat of bare Koa. @param known of its server, otherwise than it is */
async function heat(known: Partial<Running>) {
  const premises = new Premises();
  try {
    const [track] = await runHeat([bareKoa], read, effort, async (contender) => {
      const running = await startContender(contender, await premises.corner('memory'));
      return { ...running, ...known };
    });
    return track?.rounds ?? [];
  } finally {
    await premises.close();
  }
}

describe('a heat', () => {
  it('has a value for each round', async () => {
    const rounds = await heat({});
    expect(rounds).toHaveLength(6);
    for (const { requests, cpuMicros, seconds } of rounds) {
      expect([requests, cpuMicros, seconds].every((each) => each > 0)).toBe(true);
    }
  });

  it('adds rounds up where the CPU time of a server is told in steps', async () => {
    // Twenty steps are 15 ms, which is three rounds.
    expect(await heat({ cpuStepMicros: 750 })).toHaveLength(2);
  });
});
