/** `createNode`: from options to a device that can be started. What it does then is told in `device-node.ts`. */
import { systemRandom } from '../protocol/crypto/primitives.ts'
import { UsageError } from '../protocol/errors.ts'
import { createIdentity, signalSessions } from '../protocol/session/signal.ts'
import { sealing } from '../protocol/wire/sealed.ts'
import type { LinnetNode, NodeOptions } from './api.ts'
import { Device } from './core/device.ts'
import { DeviceNode } from './device-node.ts'
import { checkOptions, usualPlaces } from './options.ts'
import { openProfile } from './profile.ts'

/**
 * Opens the data directory, making it on the first run, and returns the device, not yet started. The directory belongs to
 * it until `stop`. Rejects with NodeError: `no-profile`, `invalid-name`, `invalid-relay`, `too-many-relays`,
 * `invalid-address`, `in-use`, `passphrase-needed`, `wrong-passphrase`, `corrupt-store`, `lost-store`, `newer-store`.
 */
export async function createNode(options: NodeOptions): Promise<LinnetNode> {
  const { accountSeed } = options
  if (accountSeed !== undefined && accountSeed.length !== 32) throw new UsageError('an account seed is 32 bytes')
  const checked = checkOptions(options)
  const { store, keys, name, release } = await openProfile(options, checked)
  try {
    const own = createIdentity(keys.deviceSeed, keys.registrationId)
    const device = new Device({
      reads: store,
      sessions: signalSessions,
      sealing,
      random: systemRandom,
      own,
      accountSeed: keys.accountSeed,
      name,
      ...(options.relayPatienceMs !== undefined && { relayPatienceMs: options.relayPatienceMs }),
    })
    return new DeviceNode({
      device,
      store,
      deviceSeed: keys.deviceSeed,
      ...(checked.listen === undefined ? usualPlaces(device.settings.device) : { listen: checked.listen }),
      announce: checked.announce,
      ...(options.circuits !== undefined && { circuits: options.circuits }),
      dataDir: options.dataDir,
      lan: options.lan ?? true,
      upnp: options.upnp ?? true,
      presence: options.presence ?? true,
      log: (level, message, fields) => options.log?.({ level, message, ...fields }),
      release,
    })
  } catch (error) {
    release()
    throw error
  }
}
