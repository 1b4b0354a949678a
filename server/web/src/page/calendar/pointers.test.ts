// @vitest-environment jsdom
import { property as check, double, assert as everywhere, integer } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { approach, type Track } from './pointers'

const track = (x: number, toX: number): Track => ({ x, y: 0, toX, toY: 0, movedAt: 0 })
const fraction = double({ min: 0, max: 1, noNaN: true })

describe('a pointer on its way', () => {
  it('does not move when no time has passed', () => {
    const still = track(0, 1)
    expect(approach(still, 0)).toBe(false)
    expect(still.x).toBe(0)
  })

  it('comes nearer with every step, never goes beyond, and stands exactly there in the end', () => {
    everywhere(
      check(fraction, fraction, integer({ min: 1, max: 100 }), (from, to, elapsed) => {
        const moving = track(from, to)
        let isThere = false
        for (let step = 0; step < 1000 && !isThere; step++) {
          const before = Math.abs(to - moving.x)
          isThere = approach(moving, elapsed)
          expect(Math.abs(to - moving.x)).toBeLessThanOrEqual(before)
          expect((moving.x - to) * (from - to)).toBeGreaterThanOrEqual(0)
        }
        expect([isThere, moving.x, moving.y]).toEqual([true, to, 0])
      }),
    )
  })

  it('is as far after one long step as after many short ones', () => {
    const [once, often] = [track(0, 1), track(0, 1)]
    approach(once, 64)
    for (let step = 0; step < 16; step++) approach(often, 4)
    expect(often.x).toBeCloseTo(once.x, 9)
    expect(once.x).toBeGreaterThan(0.75)
    expect(once.x).toBeLessThan(0.85)
  })
})
