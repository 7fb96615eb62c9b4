/** Errors of dependencies carry a code of ours, and what failed by one is tried again; anything else is a defect. */
export function isDependencyError(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('COUCHESTOR_')
  );
}
