/** Far longer than anything takes that a test waits for, on a busy machine too; within a test's own time. */
export const PATIENCE_MS = 15_000;
