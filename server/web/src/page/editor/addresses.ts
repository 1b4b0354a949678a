/** The addresses of attendees: what is one, and which are the same. */

const LONGEST = 254
const LOCAL = /^[^\s\p{C}@<>()[\]\\,;:"]{1,64}$/u
const LABEL = /^[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}-]{0,61}[\p{L}\p{M}\p{N}])?$/u

/** The mail address in what was typed or pasted; null if it is none. */
export function readAddress(typed: string): string | null {
  const address = typed.trim().replace(/^mailto:/i, '')
  const at = address.lastIndexOf('@')
  const local = address.slice(0, Math.max(at, 0))
  const labels = address.slice(at + 1).split('.')
  const hasDots = local.split('.').every(Boolean)
  const isDomain = labels.length > 1 && labels.every((label) => LABEL.test(label))
  const isNumber = /^\d+$/.test(labels.at(-1) ?? '')
  if (address.length > LONGEST || !LOCAL.test(local) || !hasDots) return null
  return isDomain && !isNumber ? address : null
}

/** The one of these that is the same address, whatever its case. */
export function sameAddress(address: string, held: Iterable<string>): string | undefined {
  const folded = address.toLowerCase()
  return [...held].find((one) => one.toLowerCase() === folded)
}
