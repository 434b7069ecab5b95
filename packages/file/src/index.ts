export {
  FileBackend,
  type FileOptions,
  fileBackend,
  fileBackend as createBackend,
} from './file-backend.ts';
