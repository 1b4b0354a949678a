/**
 * The moments a recurrence rule yields, within a budget.
 *
 * A rule that never matches, or matches every second, must not hold up the page. Walking starts at
 * the span that was asked for, not at the beginning of the series, and stops when the budget is
 * spent. The numbers are those of the server, so that both show the same.
 */

import { completed, type DayTest, dayTests, PERIODS } from './days'
import type { Rule } from './rule'
import { DAY_MS, dayOf, modulo } from './wall'

export const LOOKS = 50_000
export const STARTS = 5_000

/** How much one expansion may cost: days and moments looked at, and starts found. */
export class Budget {
  exhausted = false
  looks: number
  starts: number

  constructor(looks = LOOKS, starts = STARTS) {
    this.looks = looks
    this.starts = starts
  }

  /** Spend `number` looks; false when they are used up. */
  look(number: number): boolean {
    this.looks -= number
    if (this.looks < 0) this.exhausted = true
    return !this.exhausted
  }

  /** Spend one start; false when they are used up. */
  find(): boolean {
    this.starts -= 1
    if (this.starts < 0) this.exhausted = true
    return !this.exhausted
  }
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { HOURLY: 3600, MINUTELY: 60, SECONDLY: 1 }
const DAY_SECONDS = 86_400

/** A rule made ready to be walked: which days it takes, and which times of day. */
export class Plan {
  readonly #rule: Rule
  readonly #first: number
  readonly #tests: readonly DayTest[]
  readonly #unit: number
  readonly #hours: readonly number[]
  readonly #minutes: readonly number[]
  readonly #seconds: readonly number[]

  constructor(rule: Rule, first: number) {
    const date = new Date(first)
    this.#rule = completed(rule, first)
    this.#first = first
    this.#tests = dayTests(this.#rule)
    this.#unit = UNIT_SECONDS[rule.freq] ?? 0
    this.#hours = rule.byHour.length ? rule.byHour : [date.getUTCHours()]
    this.#minutes = rule.byMinute.length ? rule.byMinute : [date.getUTCMinutes()]
    // "If BYSECOND is 60 in a minute without a leap second": the last second there is.
    const seconds = [...new Set(rule.bySecond.map((second) => Math.min(second, 59)))]
    this.#seconds = seconds.length ? seconds.sort((a, b) => a - b) : [date.getUTCSeconds()]
  }

  /** What the rule yields after the first start, in order, from `lo` to before `hi`, local times.
   * COUNT and UNTIL are not looked at. */
  *moments(lo: number, hi: number, budget: Budget): Generator<number> {
    const after = Math.max(lo, this.#first + 1000)
    const lastDay = dayOf(hi)
    for (const { begins, days } of this.#periods(after)) {
      if (begins > lastDay || !budget.look(1 + days.length)) return
      const taken = days.filter((day) => this.#tests.every((test) => test(day)))
      for (const moment of this.#times(taken, dayOf(after), budget)) {
        if (moment >= hi) return
        if (moment >= after) yield moment
      }
    }
  }

  *#periods(start: number) {
    const rule = this.#rule
    const periods = PERIODS[this.#unit ? 'DAILY' : (rule.freq as keyof typeof PERIODS)]
    const step = this.#unit ? 1 : rule.interval
    let index = aligned(periods.index(start, rule), periods.index(this.#first, rule), step)
    for (let period = periods.days(index, rule); period; period = periods.days(index, rule)) {
      yield period
      index += step
    }
  }

  *#times(days: readonly number[], lowestDay: number, budget: Budget): Generator<number> {
    if (this.#unit) {
      for (const day of days) yield* this.#unitTimes(day, budget)
    } else if (this.#rule.bySetPos.length) {
      const perDay = this.#hours.length * this.#minutes.length * this.#seconds.length
      if (!budget.look(days.length * perDay)) return
      const moments = days.flatMap((day) =>
        this.#dayTimes().map((time) => day * DAY_MS + time * 1000),
      )
      for (const at of this.#positions(moments.length)) yield moments[at] as number
    } else {
      for (const day of days) {
        if (day < lowestDay) continue
        for (const time of this.#dayTimes()) {
          if (!budget.look(1)) return
          yield day * DAY_MS + time * 1000
        }
      }
    }
  }

  #dayTimes(): number[] {
    return this.#hours.flatMap((hour) =>
      this.#minutes.flatMap((minute) =>
        this.#seconds.map((second) => (hour * 60 + minute) * 60 + second),
      ),
    )
  }

  /** BYSETPOS as indexes into a set of so many, in order. */
  #positions(number: number): number[] {
    const places = new Set(this.#rule.bySetPos.map((at) => (at > 0 ? at - 1 : number + at)))
    return [...places].filter((at) => at >= 0 && at < number).sort((a, b) => a - b)
  }

  /** The times on one day of a rule by the hour, minute or second. */
  *#unitTimes(day: number, budget: Budget): Generator<number> {
    const unit = this.#unit
    const midnight = day * DAY_SECONDS
    const firstUnit = Math.floor(this.#first / 1000 / unit)
    const step = this.#rule.interval
    const cost =
      (unit === 3600 ? this.#minutes.length : 1) * (unit >= 60 ? this.#seconds.length : 1)
    let number = aligned(Math.floor(midnight / unit), firstUnit, step)
    while (number * unit < midnight + DAY_SECONDS && budget.look(cost)) {
      const second = number * unit - midnight
      const allowed = this.#nextAllowed(second)
      if (allowed > second) {
        number = aligned(Math.floor((midnight + allowed) / unit), firstUnit, step)
      } else {
        for (const time of this.#withinUnit(second)) yield (midnight + time) * 1000
        number += step
      }
    }
  }

  /** `second` if the BY parts let it pass, else a later one up to which none does. */
  #nextAllowed(second: number): number {
    const rule = this.#rule
    const hour = Math.floor(second / 3600)
    if (rule.byHour.length && !rule.byHour.includes(hour)) return (hour + 1) * 3600
    if (this.#unit === 3600) return second
    const minute = Math.floor(second / 60)
    if (rule.byMinute.length && !rule.byMinute.includes(minute % 60)) return (minute + 1) * 60
    const isOff = this.#unit === 1 && rule.bySecond.length && !this.#seconds.includes(second % 60)
    return isOff ? second + 1 : second
  }

  #withinUnit(second: number): number[] {
    const minutes = this.#unit === 3600 ? this.#minutes : [0]
    const seconds = this.#unit >= 60 ? this.#seconds : [0]
    const times = minutes.flatMap((m) => seconds.map((s) => second + m * 60 + s))
    if (!this.#rule.bySetPos.length) return times
    return this.#positions(times.length).map((at) => times[at] as number)
  }
}

/** The least of `first, first + step, …` that is not less than `index`. */
function aligned(index: number, first: number, step: number): number {
  return index <= first ? first : index + modulo(first - index, step)
}
