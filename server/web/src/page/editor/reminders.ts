/** How long before an event a reminder comes: in seconds, in words, and as people enter it. */

import type { Language } from '../i18n/messages'

export const PRESETS = [0, 300, 600, 900, 1800, 3600, 7200, 86_400, 172_800, 604_800] as const

/** The units that one can enter. */
export const UNITS = { minutes: 60, hours: 3600, days: 86_400, weeks: 604_800 } as const
export type Unit = keyof typeof UNITS

const MOST = 9999

/** "30" and minutes as seconds; null for what is no whole number from 1 to 9999. */
export function secondsOf(amount: string, unit: Unit): number | null {
  const number = /^\d{1,4}$/.test(amount.trim()) ? Number(amount) : 0
  return number >= 1 && number <= MOST ? number * UNITS[unit] : null
}

const SIZES = [
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const

/** "10 minutes before", in the largest unit that divides it. */
export function alarmWords(before: number, language: Language): string {
  if (before === 0) return language === 'ko' ? '시작할 때' : 'when it starts'
  const size = Math.abs(before)
  const [unit, seconds] = SIZES.find(([, each]) => size % each === 0) ?? ['second', 1]
  const amount = new Intl.NumberFormat(language, {
    style: 'unit',
    unit,
    unitDisplay: 'long',
  }).format(size / seconds)
  if (language === 'ko') return `${amount} ${before > 0 ? '전' : '후'}`
  return `${amount} ${before > 0 ? 'before' : 'after'}`
}
