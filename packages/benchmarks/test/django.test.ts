import { planFor, runBenchmarks, scenarios } from '@coatcheck/benchmarks';
import { describe, expect, it } from '@jest/globals';
import { djangoIsMissing } from '../src/django-server.ts';

const missing = djangoIsMissing();

describe('Django under gunicorn', () => {
  (missing ? it.skip : it)(
    `keeps sessions and is accounted for${missing ? `: ${missing}` : ''}`,
    async () => {
      const { cells, invalid } = await runBenchmarks({
        places: ['memory'],
        scenarios: scenarios.filter(({ name }) => name === 'write'),
        includes: ({ framework }) => framework === 'django',
        effort: {
          ...planFor(['--quick']).effort,
          ...{ rounds: 1, sliceMs: 100, warmUpMs: 50, connections: 4, visitorsPerConnection: 2 },
        },
      });
      expect(invalid).toEqual([]);
      expect(cells.map(({ contender }) => contender)).toEqual([
        ...['bare Koa', 'bare Django', 'Django (memory)'],
      ]);
      expect(cells[2]?.cpu.median).toBeGreaterThan(0);
      expect(cells[2]?.rssBytes).toBeGreaterThan(10e6);
    },
    60_000,
  );
});
