/**
 * Opens what one data directory keeps: takes the directory for this process, unlocks its store, and reads who this device
 * is, or makes that on the first run. Leaves everything closed when any of it fails.
 */
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { systemRandom } from '../protocol/crypto/primitives.ts'
import { signalSessions } from '../protocol/session/signal.ts'
import { makeDirectory } from '../protocol/shell/directory.ts'
import { NodeError, type NodeOptions } from './api.ts'
import { decodeSettings, encodeSettings } from './core/own-card.ts'
import { addTokens } from './core/relay-tokens.ts'
import { decodeKeys, encodeKeys, makeKeys, type DeviceKeys } from './identity.ts'
import { openKey } from './io/keyfile.ts'
import { lockDirectory } from './io/lock.ts'
import { keyFile, storeFile } from './io/store-files.ts'
import { openSqliteStore } from './io/store-sqlite.ts'
import type { DeviceStore } from './io/store.ts'
import type { CheckedOptions } from './options.ts'

export interface Profile {
  readonly store: DeviceStore
  readonly keys: DeviceKeys
  readonly name: string
  /** Closes the store and gives the directory up. */
  readonly release: () => void
}

/** Rejects with NodeError as `createNode` does. */
export async function openProfile(options: NodeOptions, checked: CheckedOptions): Promise<Profile> {
  const { dataDir, passphrase, accountSeed } = options
  const file = join(dataDir, storeFile)
  if (checked.name === undefined && !holdsSomething(file))
    throw existsSync(join(dataDir, keyFile)) ? lostStore() : noProfile()
  makeDirectory(dataDir)
  const unlock = lockDirectory(dataDir)
  let store: DeviceStore | undefined
  try {
    const key = await openKey(dataDir, passphrase)
    store = openSqliteStore({ file, key, sessions: signalSessions })
    key.fill(0)
    const { keys, name } = settle(store, checked, accountSeed)
    const opened = store
    const release = (): void => {
      try {
        opened.close()
      } finally {
        unlock()
      }
    }
    return { store, keys, name, release }
  } catch (error) {
    store?.close()
    unlock()
    throw error
  }
}

/** Keys are made and relays replaced in one transaction, so that a crash leaves either no profile or a whole one. */
function settle(
  store: DeviceStore,
  checked: CheckedOptions,
  accountSeed: Uint8Array | undefined,
): { readonly keys: DeviceKeys; readonly name: string } {
  const known = store.fact('identity')
  const settings = decodeSettings(store.fact('settings'))
  const name = settings.name ?? checked.name
  if (name === undefined) throw noProfile()
  const keys = known === undefined ? makeKeys(systemRandom, Date.now(), accountSeed) : decodeKeys(known)
  const relays = checked.relays?.relays ?? settings.relays ?? []
  const tokens = checked.relays?.tokens ?? new Map()
  store.begin()
  try {
    if (known === undefined) store.apply({ kind: 'put-fact', key: 'identity', value: encodeKeys(keys) })
    store.apply({ kind: 'put-fact', key: 'settings', value: encodeSettings({ name, relays }) })
    if (tokens.size > 0) {
      const value = addTokens(store.fact('relay-tokens'), tokens)
      store.apply({ kind: 'put-fact', key: 'relay-tokens', value })
    }
    store.commit()
  } catch (error) {
    store.rollback()
    throw error
  }
  return { keys, name }
}

function holdsSomething(file: string): boolean {
  return (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 0
}

/** Or the first run ended in its middle; it is for whoever asks to know which. */
function lostStore(): NodeError {
  const words =
    `the key is here but the store is gone or empty: put the file '${storeFile}' back beside '${keyFile}' if there is a ` +
    'copy of it. Without one only a new profile can be made here, which is somebody else to your contacts'
  return new NodeError('lost-store', words)
}

function noProfile(): NodeError {
  return new NodeError('no-profile', 'there is no profile in this data directory yet, and no name to make one for')
}
