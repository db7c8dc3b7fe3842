/** Prekeys on disk with their private halves, and the first messages already accepted under them. */
import type { BaseKeyMark, KyberPreKey, SignedPreKey } from '../../protocol/session/types.ts'
import type { Reads } from '../core/reads.ts'
import type { PooledPreKey } from '../core/state.ts'
import { plainBytes, type Sql } from './store-sql.ts'

export interface KeyRows {
  readonly reads: Pick<
    Reads,
    'preKey' | 'signedPreKey' | 'kyberPreKey' | 'wasBaseKeyUsed' | 'signedPreKeys' | 'kyberPreKeys' | 'preKeysOf'
  >
  addPreKey(preKey: PooledPreKey): void
  dropPreKey(id: number): void
  putSigned(preKey: SignedPreKey): void
  dropSigned(id: number): void
  putKyber(preKey: KyberPreKey): void
  dropKyber(id: number): void
  addMark(mark: BaseKeyMark): void
}

interface PreKeyRow {
  readonly id: number
  readonly relay: string
  readonly public_key: Uint8Array
  readonly private_key: Uint8Array
}

/** Signed and Kyber prekeys are kept in the same columns. */
interface SignedRow {
  readonly id: number
  readonly public_key: Uint8Array
  readonly private_key: Uint8Array
  readonly signature: Uint8Array
  readonly created_ms: number
}

export function keyRows(sql: Sql): KeyRows {
  const preKey = sql.one<PreKeyRow>('SELECT id, relay, public_key, private_key FROM prekeys WHERE id = ?')
  const idsOf = sql.all<{ id: number }>('SELECT id FROM prekeys WHERE relay = ? ORDER BY id')
  const addPreKey = sql.put('prekeys', ['id'], ['relay', 'public_key', 'private_key'])
  const signed = signedRows(sql, 'signed_prekeys')
  const kyber = signedRows(sql, 'kyber_prekeys')
  const mark = sql.one<object>('SELECT 1 FROM base_keys WHERE signed_prekey = ? AND kyber_prekey = ? AND base_key = ?')
  const addMark = sql.put('base_keys', ['signed_prekey', 'kyber_prekey', 'base_key'], [])
  const dropMarksOfSigned = sql.run('DELETE FROM base_keys WHERE signed_prekey = ?')
  const dropMarksOfKyber = sql.run('DELETE FROM base_keys WHERE kyber_prekey = ?')

  return {
    reads: {
      preKey: (id) => preKeyOf(preKey(id)),
      signedPreKey: signed.one,
      kyberPreKey: kyber.one,
      wasBaseKeyUsed: (m) => mark(m.signedPreKeyId, m.kyberPreKeyId, m.baseKey) !== undefined,
      signedPreKeys: signed.all,
      kyberPreKeys: kyber.all,
      preKeysOf: (relay) => idsOf(relay).map(({ id }) => id),
    },
    addPreKey: (k) => addPreKey(k.id, k.relay, k.publicKey, k.privateKey),
    dropPreKey: sql.run('DELETE FROM prekeys WHERE id = ?'),
    putSigned: signed.put,
    dropSigned(id) {
      dropMarksOfSigned(id)
      signed.drop(id)
    },
    putKyber: kyber.put,
    dropKyber(id) {
      dropMarksOfKyber(id)
      kyber.drop(id)
    },
    addMark: (m) => addMark(m.signedPreKeyId, m.kyberPreKeyId, m.baseKey),
  }
}

interface SignedRows {
  readonly one: (id: number) => SignedPreKey | undefined
  readonly all: () => SignedPreKey[]
  readonly put: (preKey: SignedPreKey) => void
  readonly drop: (id: number) => void
}

function signedRows(sql: Sql, table: 'signed_prekeys' | 'kyber_prekeys'): SignedRows {
  const columns = ['public_key', 'private_key', 'signature', 'created_ms']
  const one = sql.one<SignedRow>(`SELECT id, ${columns.join(', ')} FROM ${table} WHERE id = ?`)
  const all = sql.all<SignedRow>(`SELECT id, ${columns.join(', ')} FROM ${table} ORDER BY id`)
  const put = sql.put(table, ['id'], columns)
  return {
    one: (id) => signedOf(one(id)),
    all: () => all().map((row) => signedOf(row)),
    put: (k) => put(k.id, k.publicKey, k.privateKey, k.signature, k.createdMs),
    drop: sql.run(`DELETE FROM ${table} WHERE id = ?`),
  }
}

function preKeyOf(row: PreKeyRow | undefined): PooledPreKey | undefined {
  if (row === undefined) return undefined
  const { id, relay, public_key: publicKey, private_key: privateKey } = row
  return { id, relay, publicKey: plainBytes(publicKey), privateKey: plainBytes(privateKey) }
}

function signedOf(row: SignedRow): SignedPreKey
function signedOf(row: SignedRow | undefined): SignedPreKey | undefined
function signedOf(row: SignedRow | undefined): SignedPreKey | undefined {
  if (row === undefined) return undefined
  return {
    id: row.id,
    publicKey: plainBytes(row.public_key),
    privateKey: plainBytes(row.private_key),
    signature: plainBytes(row.signature),
    createdMs: row.created_ms,
  }
}
