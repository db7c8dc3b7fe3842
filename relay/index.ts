/**
 * `linnet/relay`: runs a relay, which keeps messages for those who are away, hands out cards and prekeys, and carries
 * circuits for those who cannot be dialled.
 *
 * @example
 * import { createRelay } from 'linnet/relay'
 *
 * const relay = await createRelay({ dataDir: '/var/lib/linnet' })
 * await relay.start()
 * console.log(relay.addresses[0])
 */
export {
  createRelay,
  type AllLimits,
  type Relay,
  type RelayEvents,
  type RelayLogEntry,
  type RelayOptions,
  type RelayStatus,
  type StoreChoice,
} from './relay.ts'
export type { AccessOptions } from './io/access.ts'
export type { Observer } from './io/observer.ts'
export { relayLimits, type Rate, type RelayLimits } from './core/limits.ts'
export { hostLimits, type HostLimits } from './io/host.ts'
export { initRelay, type Initiated } from './operation/init.ts'
export { operateRelay, type Operable, type Operated, type OperateInit } from './operation/operate.ts'
export { isRelayAddress } from './operation/addresses.ts'
export { meansWarnings } from './operation/least.ts'
export { readSettings, type RelaySettings, type SettingsRead } from './operation/settings.ts'
export { backupTo, copyIdleDatabase, restoreFrom, type Restored } from './operation/backup.ts'
