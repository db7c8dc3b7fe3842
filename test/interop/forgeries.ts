/** Messages nobody sent, made of messages somebody did: the raw material of the negative cases. */
import { ED25519_TORSION_SUBGROUP, ed25519 } from '@noble/curves/ed25519.js'
import { edwardsFromMontgomery, groupOrder } from '../../protocol/crypto/field25519.ts'
import { identityKeyOf } from '../../protocol/crypto/primitives.ts'
import { FieldReader, FieldWriter } from '../../protocol/session/protobuf.ts'

export interface Field {
  readonly field: number
  readonly value: number | Uint8Array
}

/** The fields of a message between its version byte and its MAC or signature. */
export function fieldsOf(bytes: Uint8Array, macBytes: number): Field[] {
  const reader = new FieldReader(bytes, 1, bytes.length - macBytes)
  const fields: Field[] = []
  while (reader.next()) fields.push({ field: reader.field, value: reader.varint ?? reader.bytes?.slice() ?? 0 })
  return fields
}

/** Puts fields behind a version byte, with what was after them. */
export function message(version: number, fields: readonly Field[], tail: Uint8Array = new Uint8Array()): Uint8Array {
  const size = fields.reduce((sum, { value }) => sum + 11 + (typeof value === 'number' ? 0 : value.length), 1)
  const data = new Uint8Array(size)
  data[0] = version
  const writer = new FieldWriter(data, 1)
  for (const { field, value } of fields) {
    if (typeof value === 'number') writer.varintField(field, value)
    else writer.bytesField(field, value)
  }
  return Buffer.concat([data.subarray(0, writer.end), tail])
}

export function replaced(fields: readonly Field[], field: number, value: number | Uint8Array): Field[] {
  return fields.map((one) => (one.field === field ? { field, value } : one))
}

export function without(fields: readonly Field[], ...removed: readonly number[]): Field[] {
  return fields.filter(({ field }) => !removed.includes(field))
}

export function flipped(bytes: Uint8Array, at: number, bit: number): Uint8Array {
  const copy = bytes.slice()
  copy[at] = (copy[at] ?? 0) ^ (1 << bit)
  return copy
}

/** The same signature with s + L, which a lax verifier takes for another one. */
export function withLargerS(signature: Uint8Array): Uint8Array {
  const copy = signature.slice()
  const sign = (copy[63] ?? 0) & 0x80
  let carry = 0
  for (let i = 0; i < 32; i++) {
    const own = (copy[32 + i] ?? 0) & (i === 31 ? 0x7f : 0xff)
    const sum = own + Number((groupOrder >> BigInt(8 * i)) & 255n) + carry
    copy[32 + i] = sum & 255
    carry = sum >> 8
  }
  copy[63] = (copy[63] ?? 0) | sign
  return copy
}

/** The same curve key with a component of small order added: agreements give the same secrets for it. */
export function withTorsion(key: Uint8Array): Uint8Array {
  const edwards = edwardsFromMontgomery(key.slice(1), 0)
  const torsion = ED25519_TORSION_SUBGROUP[3]
  if (edwards === undefined || torsion === undefined) throw new Error('not a curve key')
  const { Point } = ed25519
  return identityKeyOf(Point.fromBytes(edwards).add(Point.fromHex(torsion, true)).toBytes())
}

/** u = 1, of order 4, and u = 0, of order 2. */
export const smallOrderKeys: readonly Uint8Array[] = [0, 1].map((u) => {
  const key = new Uint8Array(33)
  key[0] = 5
  key[1] = u
  return key
})

/** The same key with u + p where that fits, else with the unused top bit set: two ways to write one key. */
export function nonCanonical(key: Uint8Array): Uint8Array {
  const copy = key.slice()
  copy[32] = (copy[32] ?? 0) | 0x80
  return copy
}
