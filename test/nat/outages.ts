/** Relays that go, cables that are pulled, addresses that change and lids that close, while two people talk. */
import type { Person } from '../e2e/processes.ts'
import { linkTo, meet, openLab, say, seconds, until, type Lab } from './lab.ts'
import type { Kind } from './nat-rules.ts'
import type { Tally } from './tally.ts'
import type { House } from './world.ts'

interface Talk {
  readonly lab: Lab
  readonly house: House
  readonly alice: Person
  readonly bob: Person
  /** Says something from each side at once, both to be counted in the end; milliseconds until both have arrived. */
  readonly both: (timeoutMs?: number) => Promise<number>
}

const link = { delayMs: 25, lossPercent: 1 }
let said = 0

async function talking(kinds: readonly [Kind, Kind], lab: Lab, relays: readonly string[]): Promise<Talk> {
  const house = await lab.world.addHouse(kinds[0])
  const alice = lab.person(house, { name: 'alice', relays })
  const bob = lab.person(await lab.world.addHouse(kinds[1]), { name: 'bob', relays })
  await Promise.all([alice.start(), bob.start()])
  await meet(alice, 'alice', bob, 'bob')
  const both = async (timeoutMs = 60_000): Promise<number> => {
    const times = [
      say(alice, bob, 'bob', `said ${++said}`, timeoutMs),
      say(bob, alice, 'alice', `said ${++said}`, timeoutMs),
    ]
    return Math.max(...(await Promise.all(times)))
  }
  await both()
  return { lab, house, alice, bob, both }
}

/** Nothing twice, nothing in another order than it was said. */
function isInOrder(person: Person): boolean {
  const heard = person.events.flatMap(({ event }) =>
    event.type === 'message' ? [Number(event.text?.split(' ')[1])] : [],
  )
  return heard.every((number, i) => i === 0 || number > (heard[i - 1] ?? 0))
}

export async function relayGone(tally: Tally): Promise<void> {
  const lab = openLab(link)
  try {
    const relay = await lab.relay(lab.world.addServer())
    const talk = await talking(['symmetric', 'symmetric'], lab, [relay.address])
    await relay.kill()
    const waiting = talk.both(120_000)
    await new Promise((resolve) => setTimeout(resolve, 20_000)) // The relay is away for so long.
    await relay.start()
    const backMs = performance.now()
    await waiting
    const tookMs = performance.now() - backMs
    tally.row('recovery', ['the only relay away for 20 s, and back', seconds(tookMs)])
    tally.check(`only relay killed: goes on ${seconds(tookMs)} after its return`, tookMs < 15_000)
    const circuit = await until(
      async () => ((await linkTo(talk.alice, 'bob')) === undefined ? undefined : true),
      15_000,
    )
    tally.check('a circuit stands again through the restarted relay', circuit === true || (await talk.both()) < 5_000)
    tally.check('nothing twice, all in order', isInOrder(talk.alice) && isInOrder(talk.bob))
  } finally {
    await lab.end()
  }
}

export async function secondRelay(tally: Tally): Promise<void> {
  const lab = openLab(link)
  try {
    const relays = [await lab.relay(lab.world.addServer()), await lab.relay(lab.world.addServer())]
    const talk = await talking(
      ['symmetric', 'symmetric'],
      lab,
      relays.map(({ address }) => address),
    )
    await relays[0]?.kill()
    const tookMs = await talk.both()
    tally.row('recovery', ['one of two relays gone', seconds(tookMs)])
    tally.check(`one of two relays killed: goes on after ${seconds(tookMs)}`, tookMs < 5_000)
    tally.check('nothing twice, all in order', isInOrder(talk.alice) && isInOrder(talk.bob))
  } finally {
    await lab.end()
  }
}

export async function directOnly(tally: Tally): Promise<void> {
  const lab = openLab(link)
  try {
    const relay = await lab.relay(lab.world.addServer())
    const talk = await talking(['port-restricted', 'port-restricted'], lab, [relay.address])
    await until(async () => ((await linkTo(talk.alice, 'bob')) === 'direct' ? true : undefined), 15_000)
    await relay.kill()
    const tookMs = await talk.both()
    tally.row('recovery', ['the relay gone, a direct connection stands', seconds(tookMs)])
    tally.check(`relay killed under a direct connection: goes on after ${seconds(tookMs)}`, tookMs < 2_000)
  } finally {
    await lab.end()
  }
}

/** One after the other on one pair, so that each finds what the one before has left. */
export async function householdTroubles(tally: Tally, unpluggedS = 60, asleepS = 300): Promise<void> {
  const lab = openLab(link)
  try {
    const relay = await lab.relay(lab.world.addServer())
    const talk = await talking(['port-restricted', 'port-restricted'], lab, [relay.address])
    const { house, alice, both } = talk
    const trouble = async (what: string, begin: () => void, lastMs: number, end: () => void): Promise<void> => {
      begin()
      const waiting = both(lastMs + 120_000)
      await new Promise((resolve) => setTimeout(resolve, lastMs)) // The trouble lasts so long.
      end()
      const backMs = performance.now()
      await waiting
      const tookMs = performance.now() - backMs
      tally.row('recovery', [what, seconds(tookMs)])
      tally.check(`${what}: everything there ${seconds(tookMs)} after`, tookMs < 10_000)
    }
    await trouble(
      `cable out for ${unpluggedS} s`,
      () => house.unplug(),
      unpluggedS * 1_000,
      () => house.plugIn(),
    )
    await trouble(
      'another address',
      () => house.move(),
      0,
      () => undefined,
    )
    await trouble(
      `asleep for ${asleepS} s`,
      () => alice.sleep(),
      asleepS * 1_000,
      () => alice.wake(),
    )
    const direct = await until(async () => ((await linkTo(alice, 'bob')) === 'direct' ? true : undefined), 60_000)
    tally.check('a direct connection again', direct === true || (await both()) > 0)
    tally.check('nothing lost, nothing twice, all in order', isInOrder(alice) && isInOrder(talk.bob))
  } finally {
    await lab.end()
  }
}
