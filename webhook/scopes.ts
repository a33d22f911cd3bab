/** The words of SCOPE. */

/** SCOPE: which namespaces the API server asks about. */
export const SCOPES = ['all', 'enabled'] as const

/** One of SCOPES. */
export type Scope = (typeof SCOPES)[number]
