/**
 * One declaration per message gives its protobuf encoder and decoder. Reading and writing of varints and lengths is the
 * ecosystem's (`protons-runtime`); what stands here is the strictness: every field has a limit, a field may stand only
 * once, and bytes that do not fit yield `undefined`, never an exception. Unknown fields are skipped, so that a newer
 * sender can add some.
 */
import { reader as createReader, writer as createWriter, type Reader, type Writer } from 'protons-runtime'

/** Turns a value into bytes and back. `decode` answers undefined to anything that is not a valid encoding. */
export interface Codec<T> {
  encode(value: T): Uint8Array
  decode(bytes: Uint8Array): T | undefined
  /** Within another message. `read` throws `Malformed` unless the value ends at `end` exactly. */
  readonly within: { write(writer: Writer, value: T): void; read(reader: Reader, end: number): T }
}

/** How one field is written and read; `wire` is protobuf's wire type, 0 a varint and 2 length-delimited. */
export interface Field<T> {
  readonly wire: 0 | 2
  write(writer: Writer, value: T): void
  /** Throws `Malformed` when the value breaks the field's limit. */
  read(reader: Reader): T
  readonly many?: { readonly countMax: number }
}

class Malformed extends Error {}

/** A field in its place; `tag` is what stands in front of it on the wire. */
interface Slot<T> {
  readonly name: keyof T & string
  readonly number: number
  readonly tag: number
  readonly field: Field<unknown>
  readonly optional: 'optional' | undefined
}

type FieldsOf<T> = { readonly [K in keyof T]-?: readonly [number, Field<NonNullable<T[K]>>, 'optional'?] }

/** A message with the given numbered fields. Lists that are empty and optional fields that are absent take no bytes. */
export function struct<T extends object>(fields: FieldsOf<T>): Codec<T> {
  const slots = (Object.entries(fields) as [keyof T & string, readonly [number, Field<unknown>, 'optional'?]][]).map(
    ([name, [number, field, optional]]): Slot<T> => ({
      name,
      number,
      tag: (number << 3) | field.wire,
      field,
      optional,
    }),
  )
  const byNumber: (Slot<T> | undefined)[] = []
  for (const slot of slots) byNumber[slot.number] = slot
  const lists = slots.filter(({ field }) => field.many !== undefined).map(({ name }) => name)
  const needed = slots.filter(({ optional }) => optional !== 'optional').map(({ name }) => name)
  return standsAlone<T>({
    write(writer, value) {
      for (const { name, tag, field } of slots) writeField(writer, tag, field, value[name])
    },
    read(reader, end) {
      const found: Record<string, unknown> = {}
      for (const name of lists) found[name] = []
      while (reader.pos < end) {
        const tag = reader.uint32()
        const known = byNumber[tag >>> 3]
        if (known === undefined) skip(reader, tag & 7)
        else readField(reader, tag & 7, known.name, known.field, found)
      }
      if (reader.pos !== end) throw new Malformed()
      for (const name of needed) if (found[name] === undefined) throw new Malformed()
      return found as T
    },
  })
}

/** A message that is exactly one of several, told apart by its field number. */
export function union<T extends { readonly kind: string }>(cases: {
  readonly [K in T['kind']]: readonly [number, Codec<Omit<Extract<T, { kind: K }>, 'kind'>>]
}): Codec<T> {
  const byKind = cases as unknown as Record<string, readonly [number, Codec<object>]>
  const byNumber = new Map(Object.entries(byKind).map(([kind, [number, codec]]) => [number, { kind, codec }]))
  return standsAlone<T>({
    write(writer, value) {
      const chosen = byKind[value.kind]
      if (chosen === undefined) throw new TypeError(`no such message kind: ${value.kind}`)
      writer.uint32((chosen[0] << 3) | 2).fork()
      chosen[1].within.write(writer, value)
      writer.ldelim()
    },
    read(reader, end) {
      const tag = reader.uint32()
      const known = byNumber.get(tag >>> 3)
      if (known === undefined || (tag & 7) !== 2) throw new Malformed()
      const length = reader.uint32()
      if (reader.pos + length !== end) throw new Malformed()
      return { kind: known.kind, ...known.codec.within.read(reader, end) } as unknown as T
    },
  })
}

function standsAlone<T>(within: Codec<T>['within']): Codec<T> {
  return {
    within,
    encode(value) {
      const writer = createWriter()
      within.write(writer, value)
      return writer.finish()
    },
    decode: (bytes) => guarded(() => within.read(createReader(bytes), bytes.length)),
  }
}

function writeField(writer: Writer, tag: number, field: Field<unknown>, value: unknown): void {
  if (value === undefined) return
  if (field.many === undefined) {
    writer.uint32(tag)
    field.write(writer, value)
    return
  }
  for (const one of value as readonly unknown[]) {
    writer.uint32(tag)
    field.write(writer, one)
  }
}

function readField(
  reader: Reader,
  wire: number,
  name: string,
  field: Field<unknown>,
  found: Record<string, unknown>,
): void {
  if (wire !== field.wire) throw new Malformed()
  const value = field.read(reader)
  if (field.many === undefined) {
    if (found[name] !== undefined) throw new Malformed() // Two readers must never see two different values.
    found[name] = value
    return
  }
  const list = found[name] as unknown[]
  if (list.length >= field.many.countMax) throw new Malformed()
  list.push(value)
}

/** Steps over a field of a newer version. Groups (3 and 4) are refused: they nest, and nesting is a stranger's to deepen. */
function skip(reader: Reader, wire: number): void {
  if (wire !== 0 && wire !== 1 && wire !== 2 && wire !== 5) throw new Malformed()
  reader.skipType(wire)
}

/** The reader throws RangeError past the end of its bytes; both that and our own Malformed are the sender's fault. */
function guarded<T>(decode: () => T): T | undefined {
  try {
    return decode()
  } catch (error) {
    if (error instanceof Malformed || error instanceof RangeError) return undefined
    if (error instanceof Error && error.message === 'invalid varint encoding') return undefined
    throw error
  }
}

/** Throws from within a field's `read`: the value breaks the field's limit. */
export function malformed(): never {
  throw new Malformed()
}
