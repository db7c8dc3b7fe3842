/** Relays that go, cables that are pulled, addresses that change and lids that close, while two people talk. */
import { linkTo, openLab, seconds, until } from './lab.ts'
import { talking, untilDirect } from './talk.ts'
import type { Tally } from './tally.ts'

const link = { delayMs: 25, lossPercent: 1 }
const whole = 'nothing lost, nothing twice, all in order'

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
    await talk.both()
    const circuit = await until(
      async () => ((await linkTo(talk.alice, 'bob')) === undefined ? undefined : true),
      15_000,
    )
    tally.check('a circuit stands again through the restarted relay', circuit === true)
    tally.check(whole, talk.isWhole())
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
    tally.check(whole, talk.isWhole())
  } finally {
    await lab.end()
  }
}

export async function directOnly(tally: Tally): Promise<void> {
  const lab = openLab(link)
  try {
    const relay = await lab.relay(lab.world.addServer())
    const talk = await talking(['port-restricted', 'port-restricted'], lab, [relay.address])
    tally.check('a direct connection stands', (await untilDirect(talk, 15_000)) !== undefined)
    await relay.kill()
    const tookMs = await talk.both()
    tally.row('recovery', ['the relay gone, a direct connection stands', seconds(tookMs)])
    tally.check(`relay killed under a direct connection: goes on after ${seconds(tookMs)}`, tookMs < 2_000)
    tally.check(whole, talk.isWhole())
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
    const { alice, both } = talk
    const [house] = talk.houses
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
    const chat = talk.chat({ everyMs: 1_000 })
    tally.check('direct again while they go on talking', await chat.comesTo('direct', 60_000))
    await chat.end()
    tally.check(whole, talk.isWhole())
  } finally {
    await lab.end()
  }
}
