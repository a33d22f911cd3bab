/**
 * The exit codes of the `podtap` command, for scripts: `failed`: something is wrong with what was looked
 * at, or could not be done; `usage`: the command itself is wrong, and nothing was done; `software`: an
 * error of podtap.
 */
export const CLI_EXIT_CODES = { ok: 0, failed: 1, usage: 2, software: 70 } as const
