/** Safety numbers: what two people compare to be sure that nobody stands between them. */
import { identityKeyOf } from '../protocol/crypto/primitives.ts'
import { idBytes, type AccountId, type DeviceId } from '../protocol/ids.ts'
import { fingerprintOf } from '../protocol/session/fingerprint.ts'
import type { SafetyNumber } from './api.ts'
import type { Contact } from './core/state.ts'

export function safetyNumbersWith(
  contact: Contact,
  own: { readonly account: AccountId; readonly device: DeviceId },
): readonly SafetyNumber[] {
  return (contact.card?.devices ?? []).map(({ device }) => ({
    device,
    digits: fingerprintOf(party(own.account, own.device), party(contact.account, device)).digits,
  }))
}

function party(account: AccountId, device: DeviceId): { readonly id: Uint8Array; readonly identityKey: Uint8Array } {
  return { id: idBytes(account), identityKey: identityKeyOf(idBytes(device)) }
}
