/**
 * The key of a store: 32 random bytes in a file beside it, bare or wrapped by a passphrase. A passphrase that changes
 * wraps the same key anew, so a copy of the old file and the old passphrase still open the store. Whoever calls owns the
 * directory (`lock.ts`).
 *
 * The file is JSON. A bare key is `{ version, key, sum }`; a wrapped one is `{ version, kdf, nonce, wrapped, sum }`, where
 * `wrapped` is the key under ChaCha20-Poly1305 (RFC 8439) with a key made from the passphrase by argon2id (RFC 9106) or,
 * where Node has none, scrypt (RFC 7914). `sum` tells a damaged file from a wrong passphrase. Byte strings are hexadecimal.
 */
import crypto from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { utf8Bytes } from '../../protocol/crypto/bytes.ts'
import { LocalError, UsageError } from '../../protocol/errors.ts'
import { makeDirectory } from '../../protocol/shell/directory.ts'
import { NodeError } from './store-fault.ts'
import { fill, keyFile, replaceWhole, storeFile } from './store-files.ts'

/** How a passphrase becomes a key, with everything needed to do it again. */
export type Kdf =
  | {
      readonly name: 'argon2id'
      readonly memoryKib: number
      readonly passes: number
      readonly lanes: number
      readonly salt: string
    }
  | {
      readonly name: 'scrypt'
      readonly cost: number
      readonly blockSize: number
      readonly lanes: number
      readonly salt: string
    }

type KeyFile =
  | { readonly version: 1; readonly key: string }
  | { readonly version: 1; readonly kdf: Kdf; readonly nonce: string; readonly wrapped: string }

const hasArgon2 = typeof crypto.argon2 === 'function'

/**
 * The store key of a directory. In one without key and store, makes a key and keeps it, wrapped when there is a
 * passphrase. Rejects with NodeError `passphrase-needed`, `wrong-passphrase` (also when there is a passphrase where none
 * was set, so that nobody believes a bare key protected) or `corrupt-store`. `kdf` is for a new key; each needs a salt of
 * its own.
 */
export async function openKey(
  dataDir: string,
  passphrase: string | undefined,
  kdf: Kdf = newKdf(),
): Promise<Uint8Array> {
  refuseEmpty(passphrase)
  makeDirectory(dataDir)
  const file = readKeyFile(dataDir)
  if (file !== undefined) return unwrap(file, passphrase)
  if (existsSync(join(dataDir, storeFile))) {
    throw new NodeError(
      'corrupt-store',
      `The store is there but its key is not. Put the file '${keyFile}' back beside '${storeFile}': without it nothing ` +
        'in the store can be read, and no new key can open it.',
    )
  }
  const key = new Uint8Array(crypto.randomBytes(32))
  await writeKeyFile(dataDir, key, passphrase, kdf)
  return key
}

/** Wraps the key of a directory with `next` instead of `current`; undefined stands for none. Rejects like `openKey`. */
export async function changePassphrase(
  dataDir: string,
  current: string | undefined,
  next: string | undefined,
  kdf: Kdf = newKdf(),
): Promise<void> {
  refuseEmpty(current)
  refuseEmpty(next)
  const file = readKeyFile(dataDir)
  if (file === undefined) throw new NodeError('no-profile', 'There is no profile in this data directory.')
  await writeKeyFile(dataDir, await unwrap(file, current), next, kdf)
}

async function writeKeyFile(dataDir: string, key: Uint8Array, passphrase: string | undefined, kdf: Kdf): Promise<void> {
  const file: KeyFile =
    passphrase === undefined ? { version: 1, key: bytesToHex(key) } : await wrap(key, passphrase, kdf)
  const text = JSON.stringify({ ...file, sum: sumOf(file) }, undefined, 2)
  replaceWhole(join(dataDir, keyFile), (unfinished) => fill(unfinished, utf8Bytes(`${text}\n`)))
}

function readKeyFile(dataDir: string): KeyFile | undefined {
  const path = join(dataDir, keyFile)
  if (!existsSync(path)) return undefined
  const file = parse(readFileSync(path, 'utf8'))
  if (file === undefined) throw damaged()
  return file
}

function parse(text: string): KeyFile | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return undefined // Whatever JSON.parse dislikes, the file is not what was written.
  }
  if (typeof parsed !== 'object' || parsed === null || !('sum' in parsed)) return undefined
  const { sum, ...file } = parsed
  // With the sum right, every field is as this program or a newer one wrote it.
  if (sum !== sumOf(file)) return undefined
  if (!('version' in file) || file.version !== 1) {
    throw new NodeError('newer-store', 'The key was written by a newer version of this program. Update the program.')
  }
  return file as KeyFile
}

async function wrap(key: Uint8Array, passphrase: string, kdf: Kdf): Promise<KeyFile> {
  const nonce = crypto.randomBytes(12)
  const cipher = crypto.createCipheriv('chacha20-poly1305', await stretch(passphrase, kdf), nonce, {
    authTagLength: 16,
  })
  cipher.setAAD(boundTo(kdf), { plaintextLength: key.length })
  const wrapped = Buffer.concat([cipher.update(key), cipher.final(), cipher.getAuthTag()])
  return { version: 1, kdf, nonce: bytesToHex(nonce), wrapped: bytesToHex(wrapped) }
}

async function unwrap(file: KeyFile, passphrase: string | undefined): Promise<Uint8Array> {
  if ('key' in file) {
    if (passphrase === undefined) return hexToBytes(file.key)
    throw new NodeError('wrong-passphrase', 'This profile has no passphrase. Leave it out, or set one first.')
  }
  if (passphrase === undefined) {
    throw new NodeError('passphrase-needed', 'This profile is protected by a passphrase.')
  }
  const wrapped = hexToBytes(file.wrapped)
  const tagAt = wrapped.length - 16
  const key = await stretch(passphrase, file.kdf)
  const cipher = crypto.createDecipheriv('chacha20-poly1305', key, hexToBytes(file.nonce), { authTagLength: 16 })
  cipher.setAAD(boundTo(file.kdf), { plaintextLength: tagAt })
  cipher.setAuthTag(wrapped.subarray(tagAt))
  try {
    return new Uint8Array(Buffer.concat([cipher.update(wrapped.subarray(0, tagAt)), cipher.final()]))
  } catch {
    throw new NodeError('wrong-passphrase', 'The passphrase is not the one this profile is protected by.')
  }
}

/**
 * The strongest this Node has: argon2id as RFC 9106 recommends where memory is short, or scrypt at a like price, about
 * half a second of a computer.
 */
function newKdf(): Kdf {
  const salt = bytesToHex(crypto.randomBytes(16))
  return hasArgon2
    ? { name: 'argon2id', memoryKib: 65_536, passes: 3, lanes: 4, salt }
    : { name: 'scrypt', cost: 131_072, blockSize: 8, lanes: 1, salt }
}

/** 32 bytes from a passphrase. The same characters give the same key however the keyboard composed them. */
async function stretch(passphrase: string, kdf: Kdf): Promise<Uint8Array> {
  const message = utf8Bytes(passphrase.normalize('NFKC'))
  const salt = hexToBytes(kdf.salt)
  if (kdf.name === 'scrypt') {
    const { cost, blockSize, lanes } = kdf
    const options = { cost, blockSize, parallelization: lanes, maxmem: 2 * 128 * cost * blockSize }
    return promisify<Uint8Array, Uint8Array, number, crypto.ScryptOptions, Buffer>(crypto.scrypt)(
      message,
      salt,
      32,
      options,
    )
  }
  if (!hasArgon2) throw new LocalError('the key of this store needs Node 24.7 or newer')
  return promisify(crypto.argon2)(kdf.name, {
    message,
    nonce: salt,
    parallelism: kdf.lanes,
    tagLength: 32,
    memory: kdf.memoryKib,
    passes: kdf.passes,
  })
}

function boundTo(kdf: Kdf): Uint8Array {
  return utf8Bytes(`linnet store key v1\0${JSON.stringify(kdf)}`)
}

/** Not a secret's business: it finds damage, not malice. */
function sumOf(file: object): string {
  return crypto.createHash('sha256').update(JSON.stringify(file)).digest('hex').slice(0, 16)
}

function refuseEmpty(passphrase: string | undefined): void {
  if (passphrase === '') throw new UsageError('an empty passphrase protects nothing; leave it out instead')
}

function damaged(): NodeError {
  return new NodeError(
    'corrupt-store',
    `The file '${keyFile}' is damaged. Put it back from a backup of the data directory.`,
  )
}
