/** Ids of what is new. */

/** A UUID of chance, version 4 (RFC 9562, section 5.4).
 *
 * Not `crypto.randomUUID`: browsers hide that from pages that came by plain HTTP. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16)).map(withVersion)
  const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/** Version 4 is in the upper half of the seventh byte, the variant in the first bits of the ninth. */
function withVersion(byte: number, at: number): number {
  if (at === 6) return (byte & 0x0f) | 0x40
  return at === 8 ? (byte & 0x3f) | 0x80 : byte
}
