import { describeSessionBackend } from '@coatcheck/core/testing';
import { describe, it } from '@jest/globals';
import { MapBackend } from './support/third-party-backend.ts';

describeSessionBackend(
  { describe, it },
  'The example of docs/backends.md',
  ({ now }) => ({ backend: new MapBackend({ now }) }),
  { cannot: { share: 'it lives in one process' } },
);
