/** What a running device is put together from. */
import type { Device } from './core/device.ts'
import type { Log } from './io/log.ts'
import type { DeviceStore } from './io/store.ts'

export interface DeviceNodeInit {
  readonly device: Device
  readonly store: DeviceStore
  /** Where it is all kept, if that is a folder. */
  readonly dataDir?: string
  readonly deviceSeed: Uint8Array
  readonly listen: readonly string[]
  /** Listened on when `listen` cannot be. */
  readonly instead?: readonly string[]
  readonly announce: readonly string[]
  readonly circuits?: boolean
  readonly lan?: boolean
  readonly upnp?: boolean
  readonly presence?: boolean
  readonly log: Log
  /** Closes the store and lets go of the data directory. */
  readonly release: () => void
}
