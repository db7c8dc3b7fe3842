/**
 * Session records on disk. A conversation reads and replaces its record with every message, so the
 * latest ones stand in memory decoded, and one that changed several times in a transaction is encoded once.
 */
import type { DeviceId } from '../../protocol/ids.ts'
import { LocalError } from '../../protocol/errors.ts'
import type { SessionRecord, Sessions } from '../../protocol/session/types.ts'
import type { Reads } from '../core/reads.ts'
import { corruptStore } from './store-fault.ts'
import { plainBytes, type Sql } from './store-sql.ts'

/** What the store needs of a session layer. */
export type RecordCodec = Pick<Sessions, 'encodeRecord' | 'decodeRecord'>

/** Decoded records kept: more conversations than are lively at one time, at a few kilobytes each. */
const decodedMax = 256

export interface SessionRows {
  readonly reads: Pick<Reads, 'session'>
  put(device: DeviceId, record: SessionRecord): void
  /** Before a commit: writes what was put. */
  flush(): void
  rollback(): void
}

export function sessionRows(sql: Sql, codec: RecordCodec): SessionRows {
  const one = sql.one<{ record: Uint8Array }>('SELECT record FROM sessions WHERE device = ?')
  const put = sql.put('sessions', ['device'], ['record'])
  /** Least recently used first. */
  const decoded = new Map<DeviceId, SessionRecord>()
  const unwritten = new Map<DeviceId, SessionRecord>()

  function keep(device: DeviceId, record: SessionRecord): SessionRecord {
    decoded.delete(device)
    decoded.set(device, record)
    const oldest = decoded.size > decodedMax ? decoded.keys().next().value : undefined
    if (oldest !== undefined) decoded.delete(oldest)
    return record
  }

  return {
    reads: {
      session(device) {
        const changed = unwritten.get(device)
        if (changed !== undefined) return changed
        const known = decoded.get(device)
        if (known !== undefined) return keep(device, known)
        const row = one(device)
        return row === undefined ? undefined : keep(device, decode(codec, plainBytes(row.record)))
      },
    },
    put(device, record) {
      unwritten.set(device, record)
    },
    flush() {
      for (const [device, record] of unwritten) {
        put(device, codec.encodeRecord(record))
        keep(device, record)
      }
      unwritten.clear()
    },
    rollback() {
      unwritten.clear()
      decoded.clear() // Some may have been written and taken back.
    },
  }
}

function decode(codec: RecordCodec, bytes: Uint8Array): SessionRecord {
  try {
    return codec.decodeRecord(bytes)
  } catch (error) {
    if (error instanceof LocalError) throw corruptStore('a session record cannot be read')
    throw error
  }
}
