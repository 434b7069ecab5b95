export { djangoFixture } from './fixtures.ts';
