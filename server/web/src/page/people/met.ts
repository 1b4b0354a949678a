/** The names of those who have been here, for when they are not: kept on this machine, by who met them. */

const MOST = 500

/** By user, then by whom they have met. */
const known = new Map<string, Map<string, string>>()
const keyOf = (self: string) => `crdt-calendar/met/${self}`

function namesOf(self: string): Map<string, string> {
  let names = known.get(self)
  if (!names) {
    names = read(self)
    known.set(self, names)
  }
  return names
}

function read(self: string): Map<string, string> {
  try {
    return new Map(JSON.parse(localStorage.getItem(keyOf(self)) ?? '[]') as [string, string][])
  } catch {
    return new Map()
  }
}

/** Somebody is here. */
export function meet(self: string, { id, name }: { id: string; name: string }): void {
  const names = namesOf(self)
  if (!name || id === self || names.get(id) === name) return
  names.delete(id) // so that it comes last
  names.set(id, name)
  for (const oldest of [...names.keys()].slice(0, -MOST)) names.delete(oldest)
  try {
    localStorage.setItem(keyOf(self), JSON.stringify([...names]))
  } catch {
    // Then they are known as long as this page is open.
  }
}

/** What somebody was called when they were here; '' if they never were. */
export function metName(self: string, id: string): string {
  return namesOf(self).get(id) ?? ''
}
