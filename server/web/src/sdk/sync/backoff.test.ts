import { property as check, double, assert as everywhere, integer } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BACKOFF, backoffMs } from './backoff'

const LONGEST = () => 1 - Number.EPSILON
const SHORTEST = () => 0

describe('the wait before an attempt', () => {
  it('grows by its factor from one attempt to the next', () => {
    const waits = [1, 2, 3, 4].map((attempt) => backoffMs(attempt, LONGEST))
    for (const [at, expected] of [500, 750, 1125, 1687.5].entries())
      expect(waits[at]).toBeCloseTo(expected, 6)
  })

  it('stops growing at the most it may be, however often it was tried', () => {
    expect(backoffMs(12, LONGEST)).toBeCloseTo(BACKOFF.mostMs, 6)
    expect(backoffMs(100_000, LONGEST)).toBeCloseTo(BACKOFF.mostMs, 6)
  })

  it('begins again with the first step when attempts are counted from one again', () => {
    backoffMs(50, LONGEST)
    expect(backoffMs(1, LONGEST)).toBeCloseTo(BACKOFF.firstMs, 6)
  })

  it('is never less than a tenth of the step, so that nobody hammers', () => {
    expect(backoffMs(1, SHORTEST)).toBeCloseTo(50, 6)
    expect(backoffMs(100, SHORTEST)).toBeCloseTo(3_000, 6)
  })

  it('spreads a thousand clients over the whole step', () => {
    const waits = Array.from({ length: 1000 }, (_, at) => backoffMs(3, () => at / 1000))
    expect(new Set(waits.map((wait) => Math.floor(wait / 100))).size).toBeGreaterThanOrEqual(10)
    expect(Math.min(...waits)).toBeLessThan(120)
    expect(Math.max(...waits)).toBeGreaterThan(1_100)
  })

  it('is positive and within its bounds for every attempt and every chance', () => {
    everywhere(
      check(
        integer({ min: 1, max: 1_000_000 }),
        double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (attempt, chance) => {
          const wait = backoffMs(attempt, () => chance)
          expect(wait).toBeGreaterThanOrEqual(BACKOFF.firstMs / 10)
          expect(wait).toBeLessThanOrEqual(BACKOFF.mostMs)
        },
      ),
    )
  })

  it('takes other steps when told to', () => {
    const options = { firstMs: 10, factor: 10, mostMs: 500 }
    expect([1, 2, 3, 4].map((attempt) => Math.round(backoffMs(attempt, LONGEST, options)))).toEqual(
      [10, 100, 500, 500],
    )
  })
})
