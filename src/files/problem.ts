/** What a person is told when a model file can't be opened or written, without a stack trace. */
export function problemOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = (error as NodeJS.ErrnoException).code;
  switch (code) {
    case 'ENOENT':
      return 'the file does not exist';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied, or the file is write-protected';
    case 'EISDIR':
      return 'it is a folder, not a model file';
    case 'ENOSPC':
      return 'the disk is full';
    case 'EROFS':
      return 'the file system is read-only';
    default:
      return error.message;
  }
}
