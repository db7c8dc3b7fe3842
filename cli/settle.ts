/**
 * How long a command that runs a node for itself stays: until what the user expects has happened, and never longer than a
 * bound. With another process owning the profile there is nothing to wait for, since that one stays.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Calls } from './control/methods.ts'
import type { Profile } from './profile.ts'

export const settleSecondsDefault = 5
const lookAgainMs = 60

/** Until every relay is connected or has said why not; false when one was not reached. */
export async function reachRelays(profile: Profile, untilMs: number): Promise<boolean> {
  for (;;) {
    const { relays } = await profile.call('id', {})
    if (relays.every((one) => one.connected)) return true
    if (Date.now() >= untilMs) return false
    await delay(lookAgainMs)
  }
}

/** Until the relays also hold our prekeys, so that whoever gets an invite can use it at once. */
export async function publish(profile: Profile, untilMs: number): Promise<boolean> {
  for (;;) {
    const { relays } = await profile.call('id', {})
    if (relays.length > 0 && relays.every((one) => one.connected && one.preKeysLeft !== undefined)) return true
    if (Date.now() >= untilMs) return false
    await delay(lookAgainMs)
  }
}

/** Until the contact's own card has come, so that we talk. */
export async function introduce(
  profile: Profile,
  account: string,
  untilMs: number,
): Promise<Calls['add']['result'] | undefined> {
  for (;;) {
    const contact = (await profile.call('contacts', {})).find((one) => one.account === account)
    if (contact?.state !== 'adding' || Date.now() >= untilMs) return contact
    await delay(lookAgainMs)
  }
}
