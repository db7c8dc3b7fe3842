/** A data directory and everything that must be true of it before its store is used: made, owned, unlocked, current. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { openKey } from './keyfile.ts'
import { lockDirectory } from './lock.ts'
import type { DeviceStore } from './store.ts'
import { storeFile } from './store-files.ts'
import type { RecordCodec } from './store-sessions.ts'
import { openSqliteStore } from './store-sqlite.ts'

export interface StoreInit {
  /** Made with mode 0700 when missing. */
  readonly dataDir: string
  /** Unwraps the key; of a new directory, wraps it. */
  readonly passphrase?: string | undefined
  readonly sessions: RecordCodec
}

/**
 * Opens the store of a directory, or begins one; the directory is this process's until the store is closed. Rejects with
 * NodeError `in-use`, `passphrase-needed`, `wrong-passphrase`, `corrupt-store` or `newer-store`.
 */
export async function openStore({ dataDir, passphrase, sessions }: StoreInit): Promise<DeviceStore> {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const unlock = lockDirectory(dataDir)
  try {
    const key = await openKey(dataDir, passphrase)
    const store = openSqliteStore({ file: join(dataDir, storeFile), key, sessions })
    return {
      ...store,
      close() {
        store.close()
        unlock()
      },
    }
  } catch (error) {
    unlock()
    throw error
  }
}
