/** How long to wait before the next attempt: exponential, with full jitter. */

export interface BackoffOptions {
  readonly firstMs: number
  readonly factor: number
  readonly mostMs: number
}

export const BACKOFF: BackoffOptions = { firstMs: 500, factor: 1.5, mostMs: 30_000 }

/**
 * Milliseconds before attempt number `attempt`, which counts from 1; `random` gives [0, 1).
 *
 * Anywhere between a tenth and all of the step: a thousand clients of a server that comes back must
 * not come all at once.
 */
export function backoffMs(attempt: number, random: () => number, options = BACKOFF): number {
  const step = Math.min(options.mostMs, options.firstMs * options.factor ** (attempt - 1))
  return step * (0.1 + 0.9 * random())
}
