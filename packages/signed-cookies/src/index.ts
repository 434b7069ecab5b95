export {
  createBackend,
  SignedCookiesBackend,
  type SignedCookiesOptions,
  signedCookiesBackend,
} from './signed-cookies-backend.ts';
