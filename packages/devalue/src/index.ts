export { devalueSerializer } from './devalue-serializer.ts';
