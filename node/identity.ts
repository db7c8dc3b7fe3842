/** The keys a device is: made once, on its first run, and kept as one fact in its store. */
import { bytes, timeMs, uint } from '../protocol/codec/fields.ts'
import { struct, type Codec } from '../protocol/codec/schema.ts'
import type { Random } from '../protocol/crypto/random.ts'
import { LocalError } from '../protocol/errors.ts'

export interface DeviceKeys {
  /** Ed25519 seed of the device, 32 bytes. */
  readonly deviceSeed: Uint8Array
  /** Ed25519 seed of the account, 32 bytes. */
  readonly accountSeed: Uint8Array
  /** 1 to 16380, as in libsignal. */
  readonly registrationId: number
  readonly createdMs: number
}

const seedLength = 32
const registrationIdMax = 16_380

const codec: Codec<DeviceKeys> = struct<DeviceKeys>({
  deviceSeed: [1, bytes(seedLength)],
  accountSeed: [2, bytes(seedLength)],
  registrationId: [3, uint(registrationIdMax)],
  createdMs: [4, timeMs],
})

export function makeKeys(random: Random, nowMs: number, accountSeed?: Uint8Array): DeviceKeys {
  const [high = 0, low = 0] = random.bytes(2)
  return {
    deviceSeed: random.bytes(seedLength),
    accountSeed: accountSeed ?? random.bytes(seedLength),
    registrationId: ((high * 256 + low) % registrationIdMax) + 1,
    createdMs: nowMs,
  }
}

export function encodeKeys(keys: DeviceKeys): Uint8Array {
  return codec.encode(keys)
}

/** Throws LocalError: only this program writes them. */
export function decodeKeys(stored: Uint8Array): DeviceKeys {
  const keys = codec.decode(stored)
  if (keys === undefined) throw new LocalError('the identity in the store cannot be read')
  return keys
}
