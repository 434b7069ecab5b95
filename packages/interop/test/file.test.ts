import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { describeDjangos } from '@coatcheck/test-support';
import { describe, it } from '@jest/globals';
import { describeFlows } from './flows.ts';
import { isBefore, type Limits, limitsOf } from './limits.ts';
import type { SharedPlace } from './sites.ts';
import { describeZones } from './zones.ts';

const djangoForgetsSeconds = 'files: Django ends only what has a date';

describeDjangos({ describe, it }, 'one login in files', (django) => {
  const limits: Limits = { ...limitsOf(django), djangoForgetsSeconds };
  const dates = isBefore(django, 4, 1) ? { djangoForgetsDates: djangoForgetsSeconds } : {};
  describeZones(django, open, (sites) => describeFlows(sites, { ...limits, ...dates }));
});

function open(directory: string): SharedPlace {
  const files = path.join(directory, 'sessions');
  mkdirSync(files, { mode: 0o700 });
  return {
    django: { SESSION_ENGINE: 'django.contrib.sessions.backends.file', SESSION_FILE_PATH: files },
    coatcheck: { engine: 'file', file: { path: files } },
  };
}
