/** A data directory with everything that belongs to it, opened the way a node does. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { openKey } from '../../node/io/keyfile.ts'
import { lockDirectory } from '../../node/io/lock.ts'
import type { DeviceStore } from '../../node/io/store.ts'
import { storeFile } from '../../node/io/store-files.ts'
import { openSqliteStore } from '../../node/io/store-sqlite.ts'
import { wordSessions } from './store-samples.ts'

export async function openFolder(dataDir: string, passphrase?: string): Promise<DeviceStore> {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const unlock = lockDirectory(dataDir)
  try {
    const key = await openKey(dataDir, passphrase)
    const store = openSqliteStore({ file: join(dataDir, storeFile), key, sessions: wordSessions() })
    key.fill(0)
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
