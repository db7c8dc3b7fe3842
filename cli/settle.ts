/**
 * How long a command that runs a node for itself stays: until what the user expects has happened, and never longer than a
 * bound. With another process owning the profile there is nothing to wait for, since that one stays.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Calls } from './control/methods.ts'
import type { Job } from './job.ts'
import { printable } from './printable.ts'
import type { Profile } from './profile.ts'

export const settleSecondsDefault = 5
const lookAgainMs = 60

/**
 * Each relay has answered us once: it has our card and prekeys, so that whoever gets an invite can use it at once, and what
 * it holds for us is on its way; or it has said that it keeps nothing for us. Those that contacts are not sent to have
 * answered or failed to.
 */
export async function relaysAnswered(profile: Profile): Promise<boolean> {
  const { relays } = await profile.call('id', {})
  return relays.every(({ role, connected, preKeysLeft, refused, reason }) => {
    const answered = refused !== undefined || (connected && (preKeysLeft ?? 0) > 0)
    return answered || role === 'spare' || (role !== 'home' && reason !== undefined)
  })
}

/** Waits for that; false when it did not happen in time. */
export async function reachRelays(profile: Profile, msMax: number = settleSecondsDefault * 1_000): Promise<boolean> {
  const untilMs = Date.now() + msMax
  while (!(await relaysAnswered(profile))) {
    if (Date.now() >= untilMs) return false
    await delay(lookAgainMs)
  }
  return true
}

/** Says which relays keep nothing for us, and why; true when one at least does keep what is sent to us. */
export async function tellRefusals(job: Job, profile: Profile): Promise<boolean> {
  const { relays } = await profile.call('id', {})
  for (const { relay, refused, reason } of relays) {
    if (refused === undefined) continue
    job.output.tell(`${printable(relay)} keeps nothing for you: ${printable(reason ?? refused)} (see linnet doctor)`)
  }
  return relays.some(({ refused }) => refused === undefined)
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
