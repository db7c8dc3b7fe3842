/** Paths that change under a running conversation: nothing may be lost, told twice or told in another order by it. */
import { openLab, seconds } from './lab.ts'
import { talking, type Chat, type Talk } from './talk.ts'
import type { Tally } from './tally.ts'

const link = { delayMs: 25, lossPercent: 1 }
/** Generous: a machine that is busy with other stories is slow; `docs/networking.md` states what a quiet one does. */
const slowestMsMax = 10_000
/** Time for the attempt that comes two minutes after three that failed. */
const directMsMax = 180_000

/** From a circuit to a direct link, from there to the mailbox when the direct way is cut, and back when it is open again. */
export async function changingPaths(tally: Tally): Promise<void> {
  const lab = openLab(link)
  try {
    const relay = await lab.relay(lab.world.addServer())
    const talk = await talking(['port-restricted', 'port-restricted'], lab, [relay.address])
    const chat = talk.chat()
    tally.check('from a circuit to a direct link', await chat.comesTo('direct', directMsMax))
    report(tally, 'the conversation becomes direct', chat)
    lab.world.cut(...talk.houses)
    const changed = await left(chat, 'direct', 30_000)
    await pause(3_000)
    tally.check(`the direct way is cut: ${chat.ways.join(', ')}`, changed)
    report(tally, 'the direct way is cut, the relay is not', chat)
    lab.world.mend()
    tally.check('direct again once it is open again', await chat.comesTo('direct', directMsMax))
    report(tally, 'the direct way is open again', chat)
    await finish(tally, 'paths that change', talk, chat)
  } finally {
    await lab.end()
  }
}

/** Only circuits can join these two, and the relay that carries theirs goes. */
export async function anotherRelay(tally: Tally): Promise<void> {
  const lab = openLab(link)
  try {
    const relays = [await lab.relay(lab.world.addServer()), await lab.relay(lab.world.addServer())]
    const addresses = relays.map(({ address }) => address)
    const talk = await talking(['symmetric', 'symmetric'], lab, addresses)
    const chat = talk.chat()
    tally.check('a circuit stands', await chat.comesTo('circuit', directMsMax))
    await pause(2_000)
    chat.slowestMs()
    await relays[0]?.kill()
    await pause(2_000)
    tally.check('a circuit stands through the other relay', await chat.comesTo('circuit', directMsMax))
    await pause(2_000)
    report(tally, 'the relay of their circuit goes, another is there', chat)
    await relays[0]?.start()
    await relays[1]?.kill()
    await pause(10_000) // Those who had only been told of it find the one that is back.
    report(tally, 'the first is back, and the other goes', chat)
    await finish(tally, 'from relay to relay', talk, chat)
  } finally {
    await lab.end()
  }
}

/** A relay whose circuits last ten seconds or 32 KiB, and a conversation that lasts for a minute. */
export async function shortCircuits(tally: Tally): Promise<void> {
  const lab = openLab(link)
  try {
    const limits = { circuitMsMax: 10_000, circuitBytesMax: 32_768 }
    const relay = await lab.relay(lab.world.addServer(), { limits })
    const talk = await talking(['symmetric', 'symmetric'], lab, [relay.address])
    const chat = talk.chat({ letters: 1_000 })
    tally.check('a circuit stands', await chat.comesTo('circuit', directMsMax))
    await pause(60_000)
    report(tally, 'circuits of 10 s and 32 KiB, over a minute', chat)
    tally.check(`the conversation took ${chat.links} circuits`, chat.links >= 3)
    await finish(tally, 'circuits that end', talk, chat)
  } finally {
    await lab.end()
  }
}

function report(tally: Tally, what: string, chat: Chat): void {
  const slowestMs = chat.slowestMs()
  tally.row('changes', [what, seconds(slowestMs)])
  tally.check(`${what}: no message took longer than ${seconds(slowestMs)}`, slowestMs < slowestMsMax)
}

async function finish(tally: Tally, what: string, talk: Talk, chat: Chat): Promise<void> {
  await chat.end()
  tally.check(`${what}: ${chat.count} messages, none lost, none twice, all in order`, talk.isWhole())
}

async function left(chat: Chat, way: string, timeoutMs: number): Promise<boolean> {
  const endMs = performance.now() + timeoutMs
  while (chat.ways.at(-1) === way && performance.now() < endMs) await pause(50)
  return chat.ways.at(-1) !== way
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms)) // What happens meanwhile is what is looked at.
}
