/** Makes a relay's directory, key and configuration file, none of them a second time. */
import { chmodSync, existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ed25519PublicKey, systemRandom } from '../../protocol/crypto/primitives.ts'
import { deviceIdOf, peerIdOf } from '../../protocol/ids.ts'
import { makeDirectory } from '../../protocol/shell/directory.ts'
import { seedIn } from '../io/keyfile.ts'
import { writeWhole } from '../io/whole-file.ts'
import { sampleFile } from './sample.ts'

export interface Initiated {
  /** What stands at the end of the relay's addresses. */
  readonly peerId: string
  readonly keyFile: string
  readonly configFile: string
  /** False: it was there already, and was left as it is. */
  readonly configWritten: boolean
}

export function initRelay(dataDir: string, configFile: string): Initiated {
  makeDirectory(dataDir)
  chmodSync(dataDir, 0o700)
  const keyFile = join(dataDir, 'relay.key')
  const seed = seedIn(dataDir, systemRandom)
  const configWritten = !existsSync(configFile)
  if (configWritten) {
    makeDirectory(dirname(configFile))
    writeWhole(configFile, sampleFile())
  }
  return { peerId: peerIdOf(deviceIdOf(ed25519PublicKey(seed))), keyFile, configFile, configWritten }
}
